"""`ode.forward.*`, `ode.frozen.*`: the output of a network against the exact flow of the same weight paths.

`forward_error` is the root mean square of `x_L - x(T)` over paths, inputs and coordinates.
"""

from __future__ import annotations

from ....engines import default_engine
from ....limits.flow import root_mean_square, rounding
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....networks.steps import STEPS, Step, frozen
from ..outside import reads_a_continuous_path
from ..problem import problem, reference

SCHEMES: tuple[Step, ...] = (*STEPS.values(), frozen(STEPS["heun"]), frozen(STEPS["rk4"]))


def measure(job: Job) -> Measurement:
    """`forward_error` of each scheme at the job's depth."""
    settings = job.settings
    if reads_a_continuous_path(settings):
        return Measurement()
    exact, reference_error = reference(job)
    its = problem(settings, replicas=settings.ode.paths)
    size = root_mean_square(exact)
    records = []
    for i, step in enumerate(SCHEMES):
        job.progress(i / len(SCHEMES), f"forward, {step.name}")
        x = default_engine().forward(
            its.field, step, its.x0, its.weights(step, settings.depth), its.step_size(settings.depth)
        )
        records.append(
            Record(
                "forward_error",
                root_mean_square(x - exact),
                reference=size,
                reference_error=reference_error + rounding(settings.dtype, settings.depth, size),
                coordinates={"scheme": step.name},
                replicas=settings.ode.paths,
            )
        )
    return Measurement(records)
