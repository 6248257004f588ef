"""`hamiltonian.scaling`: decay proportional to L gives a limit, constant decay does not.

    L times the decay     J = nu/2 L sum |w_s|^2 + loss       values at depths L and 2L approach each other (depths.py)
    constant              J = nu/2 sum |w_s|^2 + loss         acts like nu/L: the value falls

The control is judged by the slope of its value, on a few points that the scores can fit: there the least energy `E` of
a fit is finite and the value is about `nu E / 2L`.
"""

from __future__ import annotations

from ..study import Job, Measurement, Record
from .claims.scaling import CONSTANT
from .problem import ROUNDING, certificate, key, minima, pinned, setup


def measure(job: Job) -> Measurement:
    settings = pinned(job.settings, **{name.split(".")[1]: value for name, value in CONSTANT.items()})
    own = job.settings
    records, coordinates = [], {"of": "own"}
    rung = minima(job, setup(own), own.depth, "trained", key(own))[-1]
    records.append(Record("scaled_value", rung.minimum.value, reference_error=ROUNDING, coordinates=coordinates))
    records += certificate(rung.minimum, coordinates)
    job.progress(0.5, "constant decay")
    coordinates = {"of": "constant decay", **CONSTANT}
    its_key = key(settings, constant=True)
    minimum = minima(job, setup(settings), own.depth, "constant", its_key, constant=True)[-1].minimum
    records.append(Record("value", minimum.value, reference_error=ROUNDING * minimum.value, coordinates=coordinates))
    penalty = settings.hamiltonian.nu / own.depth / 2 * float(minimum.point @ minimum.point)
    records.append(Record("path_energy", 2 * penalty * own.depth / settings.hamiltonian.nu, coordinates=coordinates))
    records.append(Record("loss", minimum.value - penalty, coordinates=coordinates))
    return Measurement(records + certificate(minimum, coordinates))
