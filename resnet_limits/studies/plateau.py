"""What is left at infinite depth of distances that are said to tend to 0. Free of torch.

    d_L = d_inf + a/L^p + b/L^(p+1)      at depths L, 2L, 4L, 8L, entry by entry

A distance that falls at some order over few depths may still stop at a thousandth of what it is relative to: that it
tends to 0 is judged by `|d_inf|`. The entries are extrapolated, not their norm: what is left may point elsewhere than
what falls. The order p is that of the differences from depth to depth, in which d_inf drops out, less its own 1/L
correction; the powers are eliminated as in Richardson's table. The error is the last step of that table, what half the
change of p from the depth before makes (its error falls fourfold from depth to depth), and the error of the reference.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from ..claims.plateau import FEWEST_DEPTHS, doubling
from ..measurement.record import Comparison, Record

LEAST_ORDER, LARGEST_ORDER = 0.1, 8.0
"""Of a distance that falls; one that does not is all left."""

Entries = Float[np.ndarray, "times entries"]
"""What a network is off by, at some times; a single number is (1, 1)."""


def plateau(
    name: str, distances: Mapping[int, Entries], reference_error: float, coordinates: Mapping[str, object]
) -> list[Comparison]:
    """`|d_inf|` of what networks are off by, by depth, as the observable `name` at the deepest depth; empty where there
    are not four depths L, 2L, 4L, 8L."""
    depths = doubling(list(distances))
    if len(depths) < FEWEST_DEPTHS:
        return []
    left, error = extrapolated([distances[depth] for depth in depths])
    record = Record(name, size_over_times(left), reference_error=error + reference_error, coordinates=coordinates)
    return [Comparison(depths[-1], record)]


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
