"""`hamiltonian.nugget.new`: what is left of the distance of new points at infinite depth. Free of torch."""

from __future__ import annotations

from collections.abc import Sequence

from ....measurement.job import FinishedJob
from ....measurement.record import Comparison
from ..plateaus import plateaus_of_jobs
from .claims import COORDINATE_OF_NUGGET, PLATEAU_OF_NEW_POINTS, PREFIX_OF_NUGGET_ARRAYS


def compare(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    return plateaus_of_jobs(jobs, PLATEAU_OF_NEW_POINTS, PREFIX_OF_NUGGET_ARRAYS, COORDINATE_OF_NUGGET)
