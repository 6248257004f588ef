"""`hamiltonian.shooting`, `.geodesic`: what is left of the distances at infinite depth. Free of torch."""

from __future__ import annotations

from collections.abc import Sequence

from ....measurement.job import FinishedJob
from ....measurement.record import Comparison
from ..plateaus import PREFIX, of_jobs
from .claims import OWN, PLATEAUS


def compare(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    return of_jobs(jobs, PLATEAUS, PREFIX, OWN)
