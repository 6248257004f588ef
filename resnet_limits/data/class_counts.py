"""How many points of each class there are to train on and to test with, in words. Free of torch."""

from __future__ import annotations

from collections.abc import Mapping

CLASSES_NAMED = 12
"""Of more classes only the smallest and the largest are named."""


def by_class(counts: Mapping[str, tuple[int, int]]) -> str:
    """`ant 40 + 20, bee 40 + 20`: training and test points of each class; of many classes those of two."""
    if len(counts) > CLASSES_NAMED:
        by_size = sorted(counts.items(), key=lambda item: (sum(item[1]), item[0]))
        named, order = [by_size[0], by_size[-1]], "the smallest and the largest class: "
    else:
        named, order = list(counts.items()), ""
    return order + ", ".join(f"{name} {train} + {test}" for name, (train, test) in named)
