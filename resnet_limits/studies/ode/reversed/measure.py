"""`ode.reversed.*`: activations rebuilt backwards from the output, against backpropagation through the network.

reversed_gradient_error  relative root mean square of the difference of the gradients (input and weights)
reversed_state_error     largest |x_k - rebuilt x_k|
"""

from __future__ import annotations

import torch
from torch import Tensor

from ....engines import default_engine
from ....limits.flow import rounding_of_states
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....networks.residual import LossGradients, gradients, reversed_gradients
from ....networks.steps import STEPS
from ..outside import smooth_field
from ..problem import half_square_with_gradient, problem, relative_error

REVERSED_SCHEMES = ("euler", "heun")


def measure(job: Job) -> Measurement:
    """The errors of the reversed Euler and Heun networks; the reference is exact up to rounding."""
    settings = job.settings
    if smooth_field(settings):
        return Measurement()
    driven = problem(settings, replicas=settings.ode.paths)
    h = driven.step_size(settings.depth)
    records = []
    for i, name in enumerate(REVERSED_SCHEMES):
        job.progress(i / len(REVERSED_SCHEMES), f"reversed, {name}")
        step = STEPS[name]
        weights = driven.weights(step, settings.depth)
        with torch.no_grad():
            true_states = default_engine().states(driven.field, step, driven.x0, weights, h)
        exact = gradients(driven.field, step, driven.x0, weights, h, half_square_with_gradient)
        rebuilt = reversed_gradients(
            driven.field, step, driven.x0, weights, h, half_square_with_gradient, true_states=true_states
        )
        size = float(true_states.abs().max())
        noise = rounding_of_states(settings.dtype, settings.depth, 1.0)
        for observable, value, floor in (
            ("reversed_gradient_error", _difference(rebuilt, exact), noise),
            ("reversed_state_error", rebuilt.reconstruction_error, noise * size),
        ):
            coordinates = {"scheme": name}
            replicas = settings.ode.paths
            records.append(Record(observable, value, reference_error=floor, coordinates=coordinates, replicas=replicas))
    return Measurement(records)


def _difference(rebuilt: LossGradients, exact: LossGradients) -> float:
    def flat(g: LossGradients) -> Tensor:
        # Depth times the gradient of a layer is of the size of the input's gradient at every depth.
        return torch.cat([g.x0.flatten(), *(w.shape[1] * w.flatten() for w in g.weights.values())])

    return relative_error([flat(rebuilt)], [flat(exact)], torch.zeros(()))[0]
