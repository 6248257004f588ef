"""The plateau of a distance that is said to tend to 0: what is left of it at infinite depth. Free of torch.

    d_L = d_inf + a/L^p + b/L^(p+1)      at depths L, 2L, 4L, 8L, entry by entry

A distance that falls at some order over few depths may still stop at a thousandth of what it is relative to: that it
tends to 0 is judged by `|d_inf|`. The entries are extrapolated, not their norm: what is left may point elsewhere than
what falls. The order p is that of the differences from depth to depth, in which d_inf drops out, less its own 1/L
correction; the powers are eliminated as in Richardson's table. The error is the last step of that table, what half the
change of p from the depth before makes (its error falls fourfold from depth to depth), and the error of the reference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Float

FEWEST_DEPTHS = 4
"""Depths that double: two triples, so that the extrapolation has an error."""
LEAST_ORDER, LARGEST_ORDER = 0.1, 8.0
"""Of a distance that falls; one that does not is all left."""

Entries = Float[np.ndarray, "times entries"]
"""What a network is off by, at some times; a single number is (1, 1)."""


def size_over_times(x: Entries) -> float:
    """The largest root mean square over times."""
    return float(np.sqrt((x**2).mean(axis=1)).max())


def extrapolated(distances: Sequence[Entries]) -> tuple[Entries, float]:
    """`d_inf` of at least four at doubling depths, and the size of its error."""
    steps = [size_over_times(x - y) for x, y in pairwise(distances)]
    *_, b, c, d = distances
    if min(steps) == 0:
        return d, steps[-1]
    slopes = [math.log2(x / y) for x, y in pairwise(steps)]
    orders = [2 * y - x for x, y in pairwise(slopes)]
    order, off = orders[-1], abs(orders[-1] - (orders[-2] if len(orders) > 1 else slopes[-1]))
    if not LEAST_ORDER < order < LARGEST_ORDER:
        return d, max(steps[1:])
    coarse, fine = (y + (y - x) / (2**order - 1) for x, y in ((b, c), (c, d)))
    change = (fine - coarse) / (2 ** (order + 1) - 1)
    by_order = steps[-1] * 2**order * math.log(2) / (2**order - 1) ** 2
    return fine + change, size_over_times(change) + by_order * off / 2


def doubling(depths: Sequence[int]) -> list[int]:
    """The depths L, L/2, L/4, ... below the deepest that are there, by increasing depth."""
    halved = [max(depths)] if depths else []
    while halved and halved[0] % 2 == 0 and halved[0] // 2 in depths:
        halved.insert(0, halved[0] // 2)
    return halved
