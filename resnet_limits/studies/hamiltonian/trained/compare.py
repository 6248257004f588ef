"""`hamiltonian.shooting`, `.geodesic`: what is left of the distances at infinite depth. Free of torch."""

from __future__ import annotations

from collections.abc import Sequence

from ....measurement.job import FinishedJob
from ....measurement.record import Comparison
from ..plateaus import PREFIX_OF_PLATEAU_ARRAYS, plateaus_of_jobs
from .claims import COORDINATE_OF_SETTINGS_PROBLEM, PLATEAU_BY_DISTANCE


def compare(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    return plateaus_of_jobs(jobs, PLATEAU_BY_DISTANCE, PREFIX_OF_PLATEAU_ARRAYS, COORDINATE_OF_SETTINGS_PROBLEM)
