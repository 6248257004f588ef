"""`hamiltonian.scaling`: decay proportional to L gives a limit, constant decay does not.

    L times the decay     J = nu/2 L sum |w_s|^2 + loss       values at depths L and 2L approach each other (compare.py)
    constant              J = nu/2 sum |w_s|^2 + loss         acts like nu/L: the value falls to the least loss

The control is judged by the slope of its value, on a few points that the scores can fit: there the least energy `E` of
a fit is finite and the value is about `nu E / 2L`.
"""

from __future__ import annotations

from ....data import sizes
from ....measurement.job import Job
from ....measurement.record import Measurement, Record, unknown
from ...pinned import pinned
from ..outside import RELATIVE_ROUNDING_OF_STATES
from ..problem import certificate_of_minimum, key_of_solution, minima_of_setup, setup
from .claims import COORDINATE_OF_CONSTANT_DECAY, COORDINATE_OF_SCALED_DECAY, PINS_OF_CONSTANT_DECAY


def measure(job: Job) -> Measurement:
    asked = job.settings
    problem, coordinates = setup(asked), COORDINATE_OF_SCALED_DECAY
    branches = minima_of_setup(job, problem, asked.depth, "trained", key_of_solution(asked))
    value = branches[0].minimum.value
    records = [Record("scaled_value", value, reference_error=RELATIVE_ROUNDING_OF_STATES, coordinates=coordinates)]
    records += certificate_of_minimum(job, problem, branches, coordinates)
    job.progress(0.5, "constant decay")
    settings = pinned(asked, PINS_OF_CONSTANT_DECAY)
    coordinates = {**COORDINATE_OF_CONSTANT_DECAY, **PINS_OF_CONSTANT_DECAY}
    needed, has = settings.hamiltonian.points, sizes.training_points(asked.data)
    if has < needed:
        why = f"the control is of {needed} points, and {asked.data.name} has {has} here"
        return Measurement([*records, *(unknown(name, why, coordinates) for name in ("value", "loss"))])
    problem = setup(settings)
    branches = minima_of_setup(
        job, problem, asked.depth, "constant", key_of_solution(settings, constant=True), constant=True
    )
    minimum = branches[0].minimum
    records.append(
        Record(
            "value", minimum.value, reference_error=RELATIVE_ROUNDING_OF_STATES * minimum.value, coordinates=coordinates
        )
    )
    penalty = settings.hamiltonian.nu / asked.depth / 2 * float(minimum.point @ minimum.point)
    records.append(Record("path_energy", 2 * penalty * asked.depth / settings.hamiltonian.nu, coordinates=coordinates))
    records.append(Record("loss", minimum.value - penalty, coordinates=coordinates))
    return Measurement(records + certificate_of_minimum(job, problem, branches, coordinates))
