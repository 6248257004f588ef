"""Finite groups that act by permutations of sites: `(pi(g) x)[g(s)] = x[s]`.

PermutationGroup.shifts(8, 8)                             cyclic shifts of a grid of 8 x 8 sites, row by row
PermutationGroup.generated_by([[1, 2, 3, 0], [0, 3, 2, 1]])    all products of these two: turns and a reflection
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from ...errors import SettingError

MOST_ELEMENTS = 4096
"""Elements of the largest group: a row of features is read for each of them."""


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
        given = [_permutation(generator) for generator in generators]
        if not given:
            raise SettingError("generators: there are none; give one permutation or more, e.g. [1, 2, 0]")
        if len(counts := sorted({len(generator) for generator in given})) > 1:
            raise SettingError(
                f"generators: they permute {' and '.join(map(str, counts))} sites; all of them permute the same sites"
            )
        return cls(torch.tensor(_closed(given)))

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

    def moved(self, g: int, x: Tensor) -> Tensor:
        """`pi(g) x` of values at the sites, channel by channel, (*, channels sites)."""
        by_channel = x.unflatten(-1, (-1, self.sites))
        return torch.empty_like(by_channel).index_copy_(-1, self.elements[g], by_channel).flatten(-2)


def _permutation(generator: Any) -> tuple[int, ...]:
    """Raises `SettingError` where this is none."""
    try:
        images = tuple(operator.index(image) for image in generator)
    except TypeError:
        raise SettingError(
            f"generators: expected the sites that 0, 1, ... are brought to, e.g. [1, 2, 0], got {generator!r}"
        ) from None
    if not images or sorted(images) != list(range(len(images))):
        raise SettingError(
            f"generators: {list(images)} is no permutation; each of 0 to {max(len(images) - 1, 0)} stands in it once"
        )
    return images


def _closed(generators: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """All products of the generators, the identity first. Of a finite group these hold the inverses too."""
    identity = tuple(range(len(generators[0])))
    elements, last = {identity: None}, [identity]
    while last:
        products = (tuple(generator[site] for site in element) for element in last for generator in generators)
        last = [product for product in dict.fromkeys(products) if product not in elements]
        elements.update(dict.fromkeys(last))
        if len(elements) > MOST_ELEMENTS:
            raise SettingError(
                f"generators: their group has more than {MOST_ELEMENTS} elements; choose generators of a smaller one"
            )
    return list(elements)
