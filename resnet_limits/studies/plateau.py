"""What is left at infinite depth of distances that are said to tend to 0. Free of torch.

    d(L) = d_inf + a/L + b/L^2      at depths L, 2L, 4L, by Richardson's table

A distance that falls at some order over few depths may still stop at a thousandth of what it is relative to: that it
tends to 0 is judged by `|d_inf|`. Its error is that of the table, and the reference's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ..claims.richardson import richardson_limit
from ..measurement.job import FinishedJob
from ..measurement.record import Comparison, Record

FEWEST_DEPTHS = 3


def plateaus(found: Iterable[tuple[int, Record]], names: Mapping[str, str]) -> list[Comparison]:
    """Of each observable in `names` the plateau, as the observable that it names, at the deepest depth; its coordinates
    are those of the records. None where there are not three depths L, 2L, 4L."""
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
    limit, difference = richardson_limit([np.array(record.value) for record in its])
    references = [record.reference_error for record in its]
    error = abs(float(difference)) + float(np.nanmax([0.0, *references]))
    return Record(name, abs(float(limit)), reference_error=error, coordinates=its[-1].coordinates)


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
