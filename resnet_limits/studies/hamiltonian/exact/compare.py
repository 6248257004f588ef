"""`hamiltonian.exact.*`: what is left of the gaps to closed forms at infinite depth. Free of torch."""

from __future__ import annotations

from collections.abc import Sequence

from ....measurement.job import FinishedJob
from ....measurement.record import Comparison
from ..plateaus import plateaus_of_jobs
from .claims import PLATEAU_OF_EXACT_GAP
from .instances import INSTANCES


def compare(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    return [
        comparison
        for instance in INSTANCES
        for comparison in plateaus_of_jobs(jobs, PLATEAU_OF_EXACT_GAP, instance.prefix, {"of": instance.of})
    ]
