"""`hamiltonian.composed`: what is left of the gap of the values at infinite depth. Free of torch."""

from __future__ import annotations

from collections.abc import Sequence

from ....measurement.job import FinishedJob
from ....measurement.record import Comparison
from ..plateaus import plateaus_of_jobs
from .claims import COORDINATE_OF_COMPOSED, PLATEAU_OF_VALUE_GAP, PREFIX_OF_COMPOSED_ARRAYS


def compare(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    return plateaus_of_jobs(jobs, PLATEAU_OF_VALUE_GAP, PREFIX_OF_COMPOSED_ARRAYS, COORDINATE_OF_COMPOSED)
