"""`hamiltonian.shooting`, `.geodesic`: what is left of the distances at infinite depth. Free of torch."""

from __future__ import annotations

from collections.abc import Sequence

from ....measurement.job import FinishedJob
from ....measurement.record import Comparison
from ...plateau import of_jobs, plateaus
from .claims import OWN, PLATEAUS


def compare(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    return plateaus(of_jobs(jobs, OWN), PLATEAUS)
