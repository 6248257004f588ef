"""`hamiltonian.exact.landmarks`: what is left of the gap to the quadrature at infinite depth. Free of torch."""

from __future__ import annotations

from collections.abc import Sequence

from ....measurement.job import FinishedJob
from ....measurement.record import Comparison
from ..exact.claims import PLATEAU_OF_EXACT_GAP
from ..exact.instances import LANDMARKS
from ..plateaus import plateaus_of_jobs


def compare(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    return plateaus_of_jobs(jobs, PLATEAU_OF_EXACT_GAP, LANDMARKS.prefix, {"of": LANDMARKS.of})
