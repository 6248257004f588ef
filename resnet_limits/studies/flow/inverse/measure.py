"""`flow.inverse`: how far `phi_-v(phi_v(x))` is from `x`.

The blocks run in reverse order, each with -h and the same weights (Euler's are frozen in a block; Heun's are those of
its two ends, RK4's of the middle too). The error is of order p for odd p and p + 1 for even p, where field and weights
are smooth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ....engines import default_engine
from ....limits.flow import root_mean_square, rounding_of_states
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....networks.residual import reverse
from ....networks.steps import STEPS
from ..outside import flow_moves, smooth_weights
from ..problem import KINDS_OF_WEIGHTS, driven
from ..settings import Flow
from .claims import DEEPEST_OF_RK4, SCHEMES_INVERTED, pins_of_inverse


def measure(job: Job) -> Measurement:
    """`inverse_error` of each scheme, free and shared weights; of rk4 where it is above rounding."""
    settings = job.settings
    if flow_moves(settings):
        return Measurement()
    return Measurement(
        [
            inverse_error(settings, scheme, weights, pins_of_inverse(scheme, weights))
            for scheme in SCHEMES_INVERTED
            for weights in KINDS_OF_WEIGHTS
            if (scheme == "euler" or weights == "shared" or not smooth_weights(settings))
            and (scheme != "rk4" or settings.depth <= DEEPEST_OF_RK4)
        ]
    )


def inverse_error(settings: Flow, scheme: str, weights: str, pins: Mapping[str, Any]) -> Record:
    """The root mean square of `phi_-v(phi_v(x)) - x` of one scheme, with the keys that its claims pin."""
    settings, step = replace(settings, **pins), STEPS[scheme]
    flow = driven(settings, weights, depth=settings.depth)
    h, theta = flow.step_size(settings.depth), flow.weights(step, settings.depth)
    x = reverse(flow.field, step, default_engine().forward(flow.field, step, flow.x0, theta, h), theta, h)
    size = root_mean_square(flow.x0)
    return Record(
        "inverse_error",
        root_mean_square(x - flow.x0),
        reference=size,
        reference_error=rounding_of_states(settings.dtype, 2 * settings.depth, size),
        coordinates={"scheme": scheme, "weights": weights, **pins},
        replicas=settings.flow.paths,
    )
