"""`sde.strong.*`: the distance of final states on one noise.

network             x_L and x_2L, the coarse network driven by the sums of the fine one's increments
network-additive    the same with sigma_w = 0 and tanh
sde-without-drift   network and Euler-Maruyama scheme without the Ito drift, both of depth 2L, swish
"""

from __future__ import annotations

from dataclasses import replace

import torch

from ...sampling.laws import law_of
from ...sampling.pieces import pieces
from ...sampling.schemes import EulerMaruyama, Network
from ...sampling.walk import Walker, final
from ..study import Job, Measurement, Record
from .claims.strong import ADDITIVE, NO_DRIFT
from .problem import finite, inputs, root_mean_square


def measure(job: Job) -> Measurement:
    """The three distances, with standard errors over replicas."""
    settings, init, width = job.settings, job.settings.init, job.settings.width
    phi, psi, depth = settings.activation, settings.activation_inside, settings.depth
    law, additive = law_of(init, width), law_of(replace(init, sigma_w=0.0), width)
    swish = NO_DRIFT["activation"]
    cases = {
        "network": (law, (Walker(Network(phi, psi), depth), Walker(Network(phi, psi), 2 * depth)), {}),
        "network-additive": (
            additive,
            (Walker(Network("tanh", psi), depth), Walker(Network("tanh", psi), 2 * depth)),
            ADDITIVE,
        ),
        "sde-without-drift": (
            law,
            (Walker(Network(swish, psi), 2 * depth), Walker(EulerMaruyama(swish, psi, law, False), 2 * depth)),
            NO_DRIFT,
        ),
    }
    x0, records = inputs(settings), []
    for i, (scheme, (its, walkers, pins)) in enumerate(cases.items()):
        squares = []
        vectors = len(walkers) * len(x0)
        for first, count in pieces(settings.replicas, vectors=vectors, width=width, dtype=x0.dtype):
            job.progress((i + first / settings.replicas) / len(cases), f"strong error, {scheme}")
            start, seed = x0.expand(count, *x0.shape), settings.seed
            x, y = final(
                walkers, start, its, horizon=settings.horizon, seed=seed, purpose="sde.strong", first_replica=first
            )
            squares.append((x - y).double().square().mean(dim=(1, 2)))
        value, stderr = root_mean_square(torch.cat(squares))
        records.append(Record("strong_error", value, stderr=stderr, coordinates={"scheme": scheme, **pins}))
    return Measurement(finite(records))
