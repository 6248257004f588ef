"""What is left at infinite depth of what networks are off by: from arrays of several jobs. Free of torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...measurement.job import FinishedJob
from ...measurement.record import Comparison
from ..plateau import plateau

PREFIX_OF_PLATEAU_ARRAYS = "off."
"""Of arrays."""


def plateaus_of_jobs(
    jobs: Sequence[FinishedJob], names: Mapping[str, str], prefix: str, coordinates: Mapping[str, object]
) -> list[Comparison]:
    """By distance in `names` the plateau, called as its value there, from the arrays `PREFIX_OF_PLATEAU_ARRAYS
    DISTANCE`."""
    comparisons = []
    for distance, name in names.items():
        distances, errors = {}, [0.0]
        for job in jobs:
            records = [r for r in job.records if r.observable == distance and _has(r.coordinates, coordinates)]
            if records and (off := job.array(f"{prefix}{distance}")) is not None:
                distances[job.settings.depth] = off
                errors += [r.reference_error for r in records]
        comparisons += plateau(name, distances, float(np.nanmax(errors)), coordinates)
    return comparisons


def _has(coordinates: Mapping[str, object], wanted: Mapping[str, object]) -> bool:
    return all(coordinates.get(name) == value for name, value in wanted.items())
