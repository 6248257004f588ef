"""`hamiltonian.rem.value`, `.state` and others: what is left of the distances at infinite depth. Free of torch."""

from __future__ import annotations

from collections.abc import Sequence

from ....measurement.job import FinishedJob
from ....measurement.record import Comparison
from ..plateaus import plateaus_of_jobs
from ..trained.claims import PLATEAU_BY_DISTANCE
from .claims import COORDINATE_OF_REM, PREFIX_OF_REM_ARRAYS


def compare(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    return plateaus_of_jobs(jobs, PLATEAU_BY_DISTANCE, PREFIX_OF_REM_ARRAYS, COORDINATE_OF_REM)
