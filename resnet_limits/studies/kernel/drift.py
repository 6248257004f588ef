"""`kernel.diagram.relu`: how fast ReLU networks of finite width grow, `x + W relu(x)/sqrt(L)`, `W_ij ~ N(0, 1/n)`."""

from __future__ import annotations

import torch

from ...random import normals
from ...sampling.law import Isotropic
from ...sampling.pieces import pieces
from ...sampling.schemes import Network
from ...sampling.walk import Walker, final
from ..study import Job, Measurement, Record
from .claims.drift import OF, PINS, WIDTH
from .problem import mean, where

DRAWS = 8
"""Networks for each of the key `replicas`."""


def measure(job: Job) -> Measurement:
    """Mean growth of `log |relu(x)|` and `log |x|` over the unit of time."""
    settings, found = job.settings, []
    scheme, purpose = Network(PINS["activation"], PINS["activation_inside"]), "kernel.diagram.relu"
    count = DRAWS * settings.replicas
    for first, its in pieces(count, vectors=1, width=WIDTH, dtype=getattr(torch, settings.dtype)):
        drawn = {"replicas": its, "seed": settings.seed, "first_replica": first}
        x0 = normals((1, WIDTH), purpose=f"{purpose} start", **drawn, **where(settings))
        (x,) = final(
            [Walker(scheme, settings.depth)],
            x0,
            Isotropic(PINS["init.sigma_w"], PINS["init.sigma_b"]),
            horizon=1.0,
            seed=settings.seed,
            purpose=purpose,
            first_replica=first,
        )
        found.append((_log_sizes(x) - _log_sizes(x0)).cpu())
    growth = torch.cat(found)
    alive = growth[growth.isfinite().all(dim=1)]
    return Measurement(
        [
            Record("log_growth", *mean(alive[:, i]), coordinates={"of": of, **PINS}, replicas=count)
            for i, of in enumerate(OF)
        ]
    )


def _log_sizes(x: torch.Tensor) -> torch.Tensor:
    """`log |relu(x)|` and `log |x|`, (r, 2)."""
    x = x[:, 0].double()
    return torch.stack([x.relu().norm(dim=-1), x.norm(dim=-1)], dim=1).log()
