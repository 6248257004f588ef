"""Plateaus of distances over the depths: what is left at infinite depth, 0 where they tend to 0. Free of torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...claims.plateau import FEWEST_DEPTHS, doubling, extrapolated, size_over_times
from ...measurement.job import FinishedJob
from ...measurement.record import Comparison, Record, unknown
from .norms import MAX_NORM_OF_ZERO_PATH, MINIMISER_IS_ZERO


def plateaus(jobs: Sequence[FinishedJob], problem: str, distances: Mapping[str, tuple[str, str]]) -> list[Comparison]:
    """The plateau of each distance of a problem over the depths that double up to the deepest, relative to what it is a
    distance to: `distances` has by observable the name of its plateau, and the record whose reference is that size."""
    by_depth = {job.settings.depth: _records(job, problem) for job in jobs}
    known = [depth for depth, records in by_depth.items() if all(name in records for name in distances)]
    depths = doubling(known)
    if len(depths) < FEWEST_DEPTHS:
        return []
    comparisons = []
    for observable, (name, size) in distances.items():
        rows = [by_depth[depth][observable] for depth in depths]
        left, error = extrapolated([np.array([[row.value]]) for row in rows])
        unit, where = abs(by_depth[depths[-1]][size].reference), rows[-1].coordinates
        if unit < MAX_NORM_OF_ZERO_PATH:
            comparisons.append(Comparison(depths[-1], unknown(name, MINIMISER_IS_ZERO, where)))
            continue
        record = Record(
            name,
            size_over_times(left) / unit,
            reference_error=(error + rows[-1].reference_error) / unit,
            coordinates=where,
            replicas=1,
        )
        comparisons.append(Comparison(depths[-1], record))
    return comparisons


def _records(job: FinishedJob, problem: str) -> dict[str, Record]:
    """The final records of a problem by observable."""
    records = (r for r in job.records if r.step is None and r.coordinates.get("problem") == problem)
    return {r.observable: r for r in records}
