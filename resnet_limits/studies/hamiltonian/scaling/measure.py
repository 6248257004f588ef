"""`hamiltonian.scaling`: decay proportional to L gives a limit, constant decay does not.

    L times the decay     J = nu/2 L sum |w_s|^2 + loss       values at depths L and 2L approach each other (compare.py)
    constant              J = nu/2 sum |w_s|^2 + loss         acts like nu/L: the value falls to the least loss

The control is judged by the slope of its value, on a few points that the scores can fit: there the least energy `E` of
a fit is finite and the value is about `nu E / 2L`.
"""

from __future__ import annotations

from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ...pinned import pinned
from ..outside import ROUNDING
from ..problem import certificate, key, minima, setup
from .claims import CONSTANT, SCALED, UNSCALED


def measure(job: Job) -> Measurement:
    asked = job.settings
    problem, coordinates = setup(asked), SCALED
    branches = minima(job, problem, asked.depth, "trained", key(asked))
    value = branches[0].minimum.value
    records = [Record("scaled_value", value, reference_error=ROUNDING, coordinates=coordinates)]
    records += certificate(job, problem, branches, coordinates)
    job.progress(0.5, "constant decay")
    settings = pinned(asked, CONSTANT)
    problem, coordinates = setup(settings), {**UNSCALED, **CONSTANT}
    branches = minima(job, problem, asked.depth, "constant", key(settings, constant=True), constant=True)
    minimum = branches[0].minimum
    records.append(Record("value", minimum.value, reference_error=ROUNDING * minimum.value, coordinates=coordinates))
    penalty = settings.hamiltonian.nu / asked.depth / 2 * float(minimum.point @ minimum.point)
    records.append(Record("path_energy", 2 * penalty * asked.depth / settings.hamiltonian.nu, coordinates=coordinates))
    records.append(Record("loss", minimum.value - penalty, coordinates=coordinates))
    return Measurement(records + certificate(job, problem, branches, coordinates))
