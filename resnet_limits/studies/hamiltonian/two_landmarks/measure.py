"""`hamiltonian.exact.landmarks*`: the measurement of `exact/`, of two landmarks."""

from __future__ import annotations

from ....measurement.job import Job
from ....measurement.record import Measurement
from ..exact.instances import LANDMARKS
from ..exact.measure import of_instance


def measure(job: Job) -> Measurement:
    return of_instance(job, LANDMARKS)
