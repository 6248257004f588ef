"""`kernel.trained.depth.*`: test accuracy of the deepest networks less that of the shallowest. Free of torch."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ....measurement.job import FinishedJob
from ....measurement.record import Comparison, Record


def compare(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    """A change for each optimiser and choice of layers, at the deepest depth; nothing from one depth alone."""
    by_depth = {job.settings.depth: accuracies(job) for job in jobs}
    depths = sorted(depth for depth, records in by_depth.items() if records)
    if len(depths) < 2:
        return []
    shallow, deep = by_depth[depths[0]], by_depth[depths[-1]]
    return [
        Comparison(depths[-1], change(shallow[which], record)) for which, record in deep.items() if which in shallow
    ]


def accuracies(job: FinishedJob) -> dict[tuple[str, str], Record]:
    """`accuracy.trained` by optimiser and layers."""
    records = [record for record in job.records if record.observable == "accuracy.trained"]
    return {(record.coordinates["optimizer"], record.coordinates["layers"]): record for record in records}


def change(shallow: Record, deep: Record) -> Record:
    """The difference; networks of two depths are independent."""
    error = math.hypot(shallow.stderr, deep.stderr)
    value = deep.value - shallow.value
    return Record("accuracy_change", value, error, coordinates=deep.coordinates, replicas=deep.replicas)
