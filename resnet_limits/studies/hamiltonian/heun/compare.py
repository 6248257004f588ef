"""`hamiltonian.heun.*`: what is left of the distances at infinite depth. Free of torch."""

from __future__ import annotations

from collections.abc import Sequence

from ....measurement.job import FinishedJob
from ....measurement.record import Comparison
from ..plateaus import plateaus_of_jobs
from .claims import COORDINATE_OF_HEUN, PLATEAU_OF_HEUN, PREFIX_OF_HEUN_ARRAYS


def compare(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    return plateaus_of_jobs(jobs, PLATEAU_OF_HEUN, PREFIX_OF_HEUN_ARRAYS, COORDINATE_OF_HEUN)
