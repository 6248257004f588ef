"""What each row of shared weights reads of the sites of a point, and which sites it writes.

    Windows.of_group(group, patch, outputs)     a row for each g: it reads the sites g(patch), it writes g(outputs)
    Windows.of_shifts((8, 8), 3)                those of a convolution with periodic boundaries: 3 x 3 sites around each
    Windows.zero_padded((8, 8), 3)              the same where images end: zero is read beyond

A point is `channels` values at each site, channel by channel: (channels * sites).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn import functional

from ...errors import SettingError
from .permutations import PermutationGroup


@dataclass(frozen=True, eq=False)
class Gather:
    """`x -> x at places` and its transpose; `places[r, k] = sites` reads zero.

    Points come last in memory, so that they are copied together: rows are ordered by window, then by point.
    """

    places: Int[Tensor, "rows k"]
    sites: int
    channels: int = 1

    def __call__(self, x: Tensor) -> Tensor:
        """(*b, n, c sites) -> (*b, rows n, c k)."""
        return _Gathered.apply(x, self, False) if x.requires_grad else self.gathered(x)

    def transposed(self, y: Tensor) -> Tensor:
        """(*b, rows n, c k) -> (*b, n, c sites)."""
        return _Gathered.apply(y, self, True) if y.requires_grad else self.summed(y)

    def gathered(self, x: Tensor) -> Tensor:
        """As `__call__`, without a derivative."""
        values = x.mT.contiguous()  # (*b, c sites, n)
        if self._beyond:
            values = functional.pad(values, (0, 0, 0, 1))
        read = values.index_select(-2, self._read)  # (*b, c k rows, n)
        return read.reshape(*x.shape[:-2], self.channels * self.places.shape[1], -1).mT

    def summed(self, y: Tensor) -> Tensor:
        """As `transposed`, without a derivative."""
        n = y.shape[-2] // len(self.places)
        values = y.mT.reshape(*y.shape[:-2], -1, n)  # (*b, c k rows, n)
        if self._uneven:
            values = functional.pad(values, (0, 0, 0, 1))
        read = values.index_select(-2, self._readers.flatten())
        return read.reshape(*y.shape[:-2], *self._readers.shape, n).sum(-2).mT

    @cached_property
    def _read(self) -> Tensor:
        """Of channels one after another, (c k rows)."""
        return _of_channels(self.places.T.flatten(), self.sites, self.channels)

    @cached_property
    def _readers(self) -> Tensor:
        """By site of each channel where it is read, filled up with one place beyond: (c sites, most)."""
        flat = self.places.T.flatten()
        at = [(flat == site).nonzero()[:, 0] for site in range(self.sites)]
        most = max(map(len, at))
        filled = torch.stack([functional.pad(one, (0, most - len(one)), value=len(flat)) for one in at])
        return _of_channels(filled, len(flat), self.channels)

    @cached_property
    def _beyond(self) -> bool:
        """Whether zero is read somewhere."""
        return bool((self.places == self.sites).any())

    @cached_property
    def _uneven(self) -> bool:
        """Whether some site is read less often than others."""
        return bool((self._readers == self.places.numel() * self.channels).any())


def _of_channels(places: Tensor, size: int, channels: int) -> Tensor:
    """The places of each channel behind those of the one before, and those beyond one (`size`) beyond all."""
    behind = size * torch.arange(channels).reshape(-1, *[1] * places.dim())
    return torch.where(places < size, places + behind, size * channels).flatten(0, 1)


class _Gathered(torch.autograd.Function):
    """A gather whose derivative is its transpose, and the other way round: torch's own adds one number at a time."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, gather: Gather, transposed: bool) -> Tensor:
        ctx.gather, ctx.transposed = gather, transposed
        return gather.summed(x) if transposed else gather.gathered(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        back = ctx.gather if ctx.transposed else ctx.gather.transposed
        return back(gradients[0]), None, None


@dataclass(frozen=True, eq=False)
class Windows:
    """`read`: the sites that each row sees; `write`: those that it moves."""

    read: Gather
    write: Gather

    @classmethod
    def of_group(
        cls,
        group: PermutationGroup,
        patch: Sequence[int],
        outputs: Sequence[int] = (0,),
        *,
        channels: int = 1,
    ) -> Windows:
        """For each `g` of the group `R_in pi(g)^-1`, values at the sites `g(patch)`, and `R_out pi(g)^-1`.

        Raises `SettingError` for sites that there are not.
        """
        for name, sites in (("patch", patch), ("outputs", outputs)):
            if not len(sites) or len(set(sites)) < len(sites) or not set(sites) <= set(range(group.sites)):
                raise SettingError(f"{name}={list(sites)}: expected one or more of the sites 0 to {group.sites - 1}")
        read, write = (group.elements[:, list(sites)] for sites in (patch, outputs))
        return cls(Gather(read, group.sites, channels), Gather(write, group.sites, channels))

    @classmethod
    def of_shifts(cls, sizes: Sequence[int], side: int, *, channels: int = 1) -> Windows:
        """Of the cyclic shifts of a grid: `side` sites each way, centred. Raises `SettingError`."""
        group = PermutationGroup.shifts(*sizes)
        patch = _around(sizes, side, torch.zeros(1, len(sizes), dtype=torch.long))[0]
        return cls.of_group(group, patch.tolist(), channels=channels)

    @classmethod
    def zero_padded(cls, sizes: Sequence[int], side: int, *, channels: int = 1) -> Windows:
        """The same windows, that see zero beyond the grid: those of no group. Raises `SettingError`."""
        every = torch.cartesian_prod(*map(torch.arange, sizes)).reshape(-1, len(sizes))
        read, count = _around(sizes, side, every, zero_beyond=True), len(every)
        return cls(Gather(read, count, channels), Gather(torch.arange(count)[:, None], count, channels))


def _around(
    sizes: Sequence[int], side: int, places: Int[Tensor, "n axes"], *, zero_beyond: bool = False
) -> Int[Tensor, "n window"]:
    """The sites of the windows around these places of a grid, row by row; beyond it those of the other end, or the
    number of all sites. Raises `SettingError` for a window that has no middle or is larger than the grid."""
    if side < 1 or side % 2 == 0 or side > min(sizes):
        grid = " x ".join(map(str, sizes))
        raise SettingError(f"window={side}: expected an odd number of sites, at most those of the grid, {grid}")
    offsets = torch.arange(side) - side // 2
    steps = torch.cartesian_prod(*[offsets] * len(sizes)).reshape(-1, len(sizes))
    extents = torch.tensor(sizes)
    seen = places[:, None] + steps
    strides = torch.tensor([math.prod(sizes[i + 1 :]) for i in range(len(sizes))])
    sites = (seen % extents * strides).sum(-1)
    beyond = ((seen < 0) | (seen >= extents)).any(-1)
    return sites.masked_fill(beyond, math.prod(sizes)) if zero_beyond else sites
