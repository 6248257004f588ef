"""`hamiltonian.tracking.path`, `.biases`: what is left of the gaps at infinite depth. Free of torch."""

from __future__ import annotations

from collections.abc import Sequence

from ....measurement.job import FinishedJob
from ....measurement.record import Comparison
from ..plateaus import plateaus_of_jobs
from .claims import PLATEAU_OF_TRACKING, PREFIX_OF_TRACKING_ARRAYS


def compare(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    return [
        comparison
        for of, prefix in PREFIX_OF_TRACKING_ARRAYS.items()
        for comparison in plateaus_of_jobs(jobs, PLATEAU_OF_TRACKING, prefix, {"of": of})
    ]
