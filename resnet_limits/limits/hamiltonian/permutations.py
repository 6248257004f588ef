"""Finite groups that act by permutations of sites: `(pi(g) x)[g(s)] = x[s]`.

PermutationGroup.shifts(8, 8)                             cyclic shifts of a grid of 8 x 8 sites, row by row
PermutationGroup.generated_by([[1, 2, 3, 0], [0, 3, 2, 1]])    all products of these two: turns and a reflection
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from ...errors import SettingError
from .generators import MOST_ELEMENTS, generated_group


@dataclass(frozen=True, eq=False)
class PermutationGroup:
    """A group by the table of its elements: `elements[g, s]` is the site that `g` brings site `s` to."""

    elements: Int[Tensor, "order sites"]

    @classmethod
    def generated_by(cls, generators: Sequence[Any]) -> PermutationGroup:
        """The smallest group with these permutations, each given by where it brings the sites 0, 1, ...

        Raises `SettingError` for what is no permutation, for permutations of different numbers of sites, and where the
        group has more than `MOST_ELEMENTS` elements.

        >>> import resnet_limits as rl
        >>> turns = rl.PermutationGroup.generated_by([[1, 2, 3, 0]])
        >>> kernel = rl.EquivariantKernel(rl.activation_named("tanh"), windows=rl.Windows.of_group(turns, [0, 1]))
        >>> turns.order, kernel.matrix(torch.zeros(1, 4), torch.zeros(1, 4)).diagonal().tolist()
        (4, [1.0, 1.0, 1.0, 1.0])
        """
        return cls(torch.tensor(generated_group(generators)))

    @classmethod
    def shifts(cls, *sizes: int) -> PermutationGroup:
        """The cyclic shifts of a grid of so many sites each way. Raises `SettingError` for sizes that are none."""
        if not sizes or any(not isinstance(size, int) or size < 1 for size in sizes):
            raise SettingError(f"shifts: expected whole numbers of sites from 1, got {sizes}")
        if (count := math.prod(sizes)) > MOST_ELEMENTS:
            raise SettingError(f"shifts: a grid of {count} sites; it may have {MOST_ELEMENTS}")
        places = torch.cartesian_prod(*(torch.arange(size) for size in sizes)).reshape(count, len(sizes))
        moved = (places[:, None] + places) % torch.tensor(sizes)
        strides = torch.tensor([math.prod(sizes[i + 1 :]) for i in range(len(sizes))])
        return cls((moved * strides).sum(-1))

    @property
    def order(self) -> int:
        """The number of elements."""
        return len(self.elements)

    @property
    def sites(self) -> int:
        return self.elements.shape[1]

    @property
    def orbits(self) -> list[int]:
        """The first site of each orbit, of the sites that the elements bring to each other."""
        return self.elements.amin(0).unique().tolist()

    def moved(self, g: int, x: Tensor) -> Tensor:
        """`pi(g) x` of values at the sites, channel by channel, (*, channels sites)."""
        by_channel = x.unflatten(-1, (-1, self.sites))
        return torch.empty_like(by_channel).index_copy_(-1, self.elements[g], by_channel).flatten(-2)
