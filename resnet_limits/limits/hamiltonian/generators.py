"""Groups of permutations from their generators. Free of torch.

generated_group([[1, 2, 3, 0]])     the four turns of four sites, each by where it brings the sites 0, 1, 2, 3
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from ...errors import SettingError

MOST_ELEMENTS = 4096
"""Elements of the largest group: a row of features is read for each of them."""


def generated_group(generators: Sequence[Any]) -> list[tuple[int, ...]]:
    """All elements of the smallest group with these permutations, the identity first.

    Raises `SettingError` for what is no permutation, for permutations of different numbers of sites, and where the
    group has more than `MOST_ELEMENTS` elements.
    """
    given = [_permutation(generator) for generator in generators]
    if not given:
        raise SettingError("generators: there are none; give one permutation or more, e.g. [1, 2, 0]")
    if len(counts := sorted({len(generator) for generator in given})) > 1:
        raise SettingError(
            f"generators: they permute {' and '.join(map(str, counts))} sites; all of them permute the same sites"
        )
    return _closed(given)


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
