"""`gamma.relu`: the small regression problem with relu, whose minima may lie on kinks.

There the gradient jumps, and no minimiser that goes by gradients reaches zero: what is compared is the value as far as
it came, at depths n and 2n; the gradient norm stands beside it.
"""

from __future__ import annotations

from dataclasses import replace

from ...settings import Gamma
from ..study import Job, Measurement, Record
from .claims.relu import RELU
from .problem import minima, small

KIND = "regression"


def measure(job: Job) -> Measurement:
    """`value_difference`, and the relative gradient norm."""
    settings: Gamma = replace(job.settings, activation=RELU["activation"], minimiser=replace(job.settings.minimiser))
    pinned = replace(job, settings=settings)
    problem = small(settings, KIND)
    here = minima(pinned, problem, KIND, settings.depth)[0][-1].minimum
    deeper = minima(pinned, problem, KIND, 2 * settings.depth)[0][-1].minimum
    where = {"problem": KIND, **RELU}
    # What is left of the gradient bounds what the value may still fall, to first order along the point.
    error = 0.0 if here.converged and deeper.converged else float("nan")
    records = [
        Record(
            "value_difference", abs(here.value - deeper.value), reference_error=error, coordinates=where, replicas=1
        ),
        Record("relu_gradient_norm", here.relative_gradient, coordinates=where, replicas=1),
    ]
    return Measurement(records)
