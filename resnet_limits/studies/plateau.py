"""What is left at infinite depth of distances that are said to tend to 0. Free of torch.

    d(L) = d_inf + a/L^p + b/L^(p+1)      at depths L, 2L, 4L, 8L

A distance that falls at some order over few depths may still stop at a thousandth of what it is relative to: that it
tends to 0 is judged by `|d_inf|`. The order p is that of the differences from depth to depth, in which d_inf drops out,
less its own 1/L correction; the powers are eliminated as in Richardson's table. The error is the last step of that
table, what half the change of p from the depth before makes (its error falls fourfold from depth to depth), and the
error of the reference.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from ..measurement.job import FinishedJob
from ..measurement.record import Comparison, Record

FEWEST_DEPTHS = 4
LEAST_ORDER, LARGEST_ORDER = 0.1, 8.0
"""Of a distance that falls; one that does not is all left."""


def plateaus(found: Iterable[tuple[int, Record]], names: Mapping[str, str]) -> list[Comparison]:
    """Of each observable in `names` the plateau, as the observable that it names, at the deepest depth; its coordinates
    are those of the records. None where there are not four depths L, 2L, 4L, 8L."""
    by_depth: dict[str, dict[int, Record]] = {name: {} for name in names}
    for depth, record in found:
        if record.observable in by_depth and math.isfinite(record.value):
            by_depth[record.observable][depth] = record
    return [
        Comparison(max(records), plateau(names[observable], records))
        for observable, records in by_depth.items()
        if records and len(_doubling(records)) >= FEWEST_DEPTHS
    ]


def plateau(name: str, records: Mapping[int, Record]) -> Record:
    """`|d_inf|` of the distances by depth."""
    its = [records[depth] for depth in _doubling(records)]
    limit, error = extrapolated([record.value for record in its])
    reference = max(0.0 if math.isnan(record.reference_error) else record.reference_error for record in its)
    return Record(name, abs(limit), reference_error=error + reference, coordinates=its[-1].coordinates)


def extrapolated(distances: Sequence[float]) -> tuple[float, float]:
    """`d_inf` of the distances at doubling depths, four at least, and its error."""
    steps = [x - y for x, y in pairwise(distances)]
    *_, b, c, d = distances
    while len(steps) > FEWEST_DEPTHS - 1 and not _one_sign(steps):
        steps = steps[1:]  # the shallowest may not fall yet
    if not _one_sign(steps):
        return d, max(map(abs, steps[1:]))
    slopes = [math.log2(x / y) for x, y in pairwise(steps)]
    orders = [2 * y - x for x, y in pairwise(slopes)]
    order, off = orders[-1], abs(orders[-1] - (orders[-2] if len(orders) > 1 else slopes[-1]))
    if not LEAST_ORDER < order < LARGEST_ORDER:
        return d, abs(steps[-1])
    coarse, fine = (y + (y - x) / (2**order - 1) for x, y in ((b, c), (c, d)))
    change = (fine - coarse) / (2 ** (order + 1) - 1)
    by_order = steps[-1] * 2**order * math.log(2) / (2**order - 1) ** 2
    return fine + change, abs(change) + abs(by_order) * off / 2


def _one_sign(steps: Sequence[float]) -> bool:
    return min(steps) > 0 or max(steps) < 0


def of_jobs(jobs: Sequence[FinishedJob], where: Mapping[str, str]) -> list[tuple[int, Record]]:
    """The records with these coordinates, with the depths of their jobs."""
    return [
        (job.settings.depth, record)
        for job in jobs
        for record in job.records
        if record.step is None and all(record.coordinates.get(name) == value for name, value in where.items())
    ]


def _doubling(depths: Iterable[int]) -> list[int]:
    """The deepest of the depths, its half, and so on while they are there, by increasing depth."""
    have = set(depths)
    found = [max(have)]
    while found[-1] % 2 == 0 and found[-1] // 2 in have:
        found.append(found[-1] // 2)
    return found[::-1]
