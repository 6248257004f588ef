"""The plateaus of distances to the limit, from several depths: 0 where networks converge. Free of torch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....claims.plateau import FEWEST_DEPTHS, doubling, extrapolated, size_over_times
from ....measurement.job import FinishedJob
from ....measurement.record import Comparison, Record, unknown
from ..norms import MAX_NORM_OF_ZERO_PATH, MINIMISER_IS_ZERO
from .claims import PLATEAU_AND_SCALE, PROBLEM_PREFIXES


def compare(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    """The plateau of each distance over the depths that double up to the deepest, relative to what it is a distance
    to: the value of the limit, or its largest weights."""
    comparisons = []
    for problem in PROBLEM_PREFIXES:
        by_depth = {job.settings.depth: _records(job, problem) for job in jobs}
        known = [depth for depth, arrays in by_depth.items() if all(name in arrays for name in PLATEAU_AND_SCALE)]
        depths = doubling(known)
        if len(depths) < FEWEST_DEPTHS:
            continue
        for observable, (name, size) in PLATEAU_AND_SCALE.items():
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
