"""`sde.strong.*`: the distance of final states on one noise.

network             x_L and x_2L, the coarse network driven by the sums of the fine one's increments
network-additive    the same with sigma_w = 0 and tanh
sde                 network and Euler-Maruyama scheme, both of depth 2L, swish: a layer differs by `phi''(0)/2 (z^2 -
                    E z^2)`, of size h and mean 0, and the sum over the layers by `h^(1/2)`
sde-without-drift   the same, the scheme without its Ito drift

Each depth has noise of its own, so that the errors of an order are independent.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from ....engines import default_engine
from ....measurement.estimate import root_mean_square
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....random import Stream
from ....sampling.laws import law_of
from ....sampling.schemes import EulerMaruyama, Network, Walker
from ..problem import finite, inputs
from .claims import ADDITIVE, SWISH


def measure(job: Job) -> Measurement:
    """The four distances, with standard errors over replicas."""
    settings, init, width = job.settings, job.settings.init, job.settings.width
    phi, psi, depth = settings.activation, settings.activation_inside, settings.depth
    law, additive = law_of(init, width), law_of(replace(init, sigma_w=0.0), width)
    swish = SWISH["activation"]
    cases = {
        "network": (law, (Walker(Network(phi, psi), depth), Walker(Network(phi, psi), 2 * depth)), {}),
        "network-additive": (
            additive,
            (Walker(Network("tanh", psi), depth), Walker(Network("tanh", psi), 2 * depth)),
            ADDITIVE,
        ),
        "sde": (
            law,
            (Walker(Network(swish, psi), 2 * depth), Walker(EulerMaruyama(swish, psi, law), 2 * depth)),
            SWISH,
        ),
        "sde-without-drift": (
            law,
            (Walker(Network(swish, psi), 2 * depth), Walker(EulerMaruyama(swish, psi, law, False), 2 * depth)),
            SWISH,
        ),
    }
    engine, x0, records = default_engine(), inputs(settings), []
    for i, (scheme, (its, walkers, pins)) in enumerate(cases.items()):
        squares = []
        vectors = len(walkers) * len(x0)
        for first, count in engine.pieces(settings.replicas, vectors=vectors, width=width, dtype=x0.dtype):
            job.progress((i + first / settings.replicas) / len(cases), f"strong error, {scheme}")
            stream = Stream(settings.seed, f"sde.strong {depth}", first_replica=first)
            x, y = engine.final(walkers, x0.expand(count, *x0.shape), its, horizon=settings.horizon, stream=stream)
            squares.append((x - y).double().square().mean(dim=(1, 2)))
        value, stderr = root_mean_square(torch.cat(squares))
        records.append(Record("strong_error", value, stderr=stderr, coordinates={"scheme": scheme, **pins}))
    return Measurement(finite(records))
