"""`gamma.relu`: the small regression problem in dimension 1 with relu, whose minima may lie on kinks.

There the gradient jumps, and no minimiser that goes by gradients brings it to zero: what is compared is the value at
depths n and 2n as far as it came. How far that is from a minimum is judged by what a last descent still gains; the
gradient norm stands beside it.
"""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np

from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....training.minimiser import descend
from ....training.newton import relative_gradient
from ...pinned import pinned
from ..problem import minima, small, solution_key
from .claims import PINS_OF_RELU

KIND_OF_PROBLEM = "regression"
DESCENTS = 3
ITERATIONS_A_DESCENT = 200
"""Of L-BFGS, each time afresh: what it knows of the curvature is of no use past a kink."""


def measure(job: Job) -> Measurement:
    """`value_difference` between depths n and 2n, and the relative gradient norm at n."""
    job = replace(job, settings=pinned(job.settings, PINS_OF_RELU))
    here, error, gradient = _least(job, job.settings.depth)
    deeper, its_error, _ = _least(job, 2 * job.settings.depth)
    where = {"problem": "relu", **PINS_OF_RELU}
    value = Record("value_difference", abs(here - deeper), reference_error=error + its_error, coordinates=where)
    records = [value, Record("relu_gradient_norm", gradient, coordinates=where)]
    return Measurement([replace(record, replicas=1) for record in records])


def _least(job: Job, depth: int) -> tuple[float, float, float]:
    """The least value found at a depth, what the last descent gained, and the relative gradient norm; kept, since the
    job of half the depth asks for it too."""

    def compute() -> dict[str, np.ndarray]:
        problem = small(job.settings, KIND_OF_PROBLEM).at_depth(depth)
        first = minima(job, problem, KIND_OF_PROBLEM, depth)[0].minimum
        u, value, gained = first.point, first.value, 0.0
        for _ in range(DESCENTS if not first.converged else 0):
            u, _ = descend(problem, u, ITERATIONS_A_DESCENT)
            before, value = value, problem.value_and_gradient(u)[0]
            gained = before - value
        return {"found": np.array([value, abs(gained), relative_gradient(*problem.value_and_gradient(u), u)])}

    key = {**solution_key(job.settings, KIND_OF_PROBLEM), "minimiser": asdict(job.settings.minimiser), "depth": depth}
    value, gained, gradient = (float(number) for number in job.shared.solve("relu", key, compute)["found"])
    return value, gained, gradient
