"""What is left at infinite depth of the recovery sequence's gap on the data, and of the excess of perturbed weights.
Free of torch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....claims.plateau import FEWEST_DEPTHS, doubling, extrapolated
from ....measurement.job import FinishedJob
from ....measurement.record import Comparison, Record
from ..plateaus import plateaus
from .claims import PLATEAU_OF_RECOVERY, RECOVERED


def compare(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    """`recovery_plateau` on the data, relative to the least value of the limit, and `perturbed_least`."""
    return plateaus(jobs, RECOVERED, PLATEAU_OF_RECOVERY) + _lowest_excess(jobs)


def _lowest_excess(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    """`perturbed_least`: of the limits of `perturbed_excess` of each path and perturbation that which may be lowest."""
    by_depth = {job.settings.depth: _excesses(job) for job in jobs}
    depths = doubling([depth for depth, excesses in by_depth.items() if excesses])
    if len(depths) < FEWEST_DEPTHS:
        return []
    limits = []
    for sequence in by_depth[depths[-1]]:
        rows = [by_depth[depth][sequence] for depth in depths]
        left, error = extrapolated([np.array([[row.value]]) for row in rows])
        limits.append((float(left[0, 0]), error + rows[-1].reference_error))
    least, error = min(limits, key=lambda limit: limit[0] - limit[1])
    where = {"problem": "regression"}
    return [
        Comparison(depths[-1], Record("perturbed_least", least, reference_error=error, coordinates=where, replicas=1))
    ]


def _excesses(job: FinishedJob) -> dict[tuple[object, ...], Record]:
    """The records of `perturbed_excess` by path, shape and power."""
    rows = (record for record in job.records if record.observable == "perturbed_excess")
    return {tuple(row.coordinates[name] for name in ("path", "shape", "power")): row for row in rows}
