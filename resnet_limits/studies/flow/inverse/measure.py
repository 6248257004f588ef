"""`flow.inverse`: how far `phi_-v(phi_v(x))` is from `x`.

The blocks run in reverse order, each with -h and the same weights (Euler's are frozen in a block; Heun's are those of
its two ends). The error is of order p for odd p and p + 1 for even p, where field and weights are smooth.
"""

from __future__ import annotations

from ....engines import default_engine
from ....limits.flow import root_mean_square, rounding_of_states
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....networks.residual import reverse
from ....networks.steps import STEPS
from ..outside import flow_moves, smooth_weights
from ..problem import KINDS_OF_WEIGHTS, driven

INVERTED_SCHEMES = ("euler", "heun")


def measure(job: Job) -> Measurement:
    """`inverse_error` of both schemes, free and shared weights."""
    settings, records = job.settings, []
    if flow_moves(settings):
        return Measurement()
    for weights in KINDS_OF_WEIGHTS:
        flow = driven(settings, weights, depth=settings.depth)
        h = flow.step_size(settings.depth)
        for scheme in INVERTED_SCHEMES:
            if scheme == "heun" and weights == "free" and smooth_weights(settings):
                continue
            step = STEPS[scheme]
            theta = flow.weights(step, settings.depth)
            x = reverse(flow.field, step, default_engine().forward(flow.field, step, flow.x0, theta, h), theta, h)
            size = root_mean_square(flow.x0)
            records.append(
                Record(
                    "inverse_error",
                    root_mean_square(x - flow.x0),
                    reference=size,
                    reference_error=rounding_of_states(settings.dtype, 2 * settings.depth, size),
                    coordinates={"scheme": scheme, "weights": weights},
                    replicas=settings.flow.paths,
                )
            )
    return Measurement(records)
