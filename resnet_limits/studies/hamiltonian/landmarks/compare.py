"""`hamiltonian.geodesic.landmarks`: what is left of the gap at infinite depth. Free of torch."""

from __future__ import annotations

from collections.abc import Sequence

from ....measurement.job import FinishedJob
from ....measurement.record import Comparison
from ..plateaus import plateaus_of_jobs
from .claims import COORDINATE_OF_LANDMARKS, PLATEAU_OF_ENERGY_GAP, PREFIX_OF_LANDMARK_ARRAYS


def compare(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    return plateaus_of_jobs(jobs, PLATEAU_OF_ENERGY_GAP, PREFIX_OF_LANDMARK_ARRAYS, COORDINATE_OF_LANDMARKS)
