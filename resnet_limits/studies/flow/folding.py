"""`flow.folding`: blocks of random fields, scaled to both sides of the threshold Lip(h v) = 1.

    norm=weights   h v scaled so that the product of the norms of its weights, a bound of Lip(h v), is `lipschitz`
    norm=points    h v scaled so that |h Dv| is `lipschitz` where it is largest among the points of the block

A block folds where its determinant is zero or negative. Jacobians are linear in the scale of the field: those of all
blocks at all points are computed once, and scaled.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...diffeomorphisms.jacobians import fold_fraction, increments_of, jacobians_at
from ...diffeomorphisms.lipschitz import lipschitz_bound
from ...networks.blocks import field
from ...networks.steps import STEPS
from ...paths import draw
from ...settings import Iid, Random
from ..study import Job, Measurement, Record
from .claims.folding import BELOW, BLOCKS, PINS
from .claims.settings import moves
from .problem import points

SCALES = {"weights": (BELOW, 2.0, 8.0), "points": (0.5, BELOW, 1.5, 2.0, 4.0, 8.0)}
PIECE = 8
"""Networks whose Jacobians are in memory at a time."""


def measure(job: Job) -> Measurement:
    """Records of each scale; the same at every depth, and shared by the jobs."""
    settings = job.settings
    if moves(settings):
        return Measurement()
    of_weights, increments = _increments(job)
    at_points = torch.linalg.matrix_norm(increments, ord=2)  # (layers, r, n)
    largest = at_points.amax(dim=2)
    records = []
    for norm, scales in SCALES.items():
        one = of_weights if norm == "weights" else largest
        for scale in scales:
            coordinates = {"lipschitz": scale, "norm": norm, **PINS}
            factor = (scale / one)[..., None]
            records += _records(increments, at_points, factor, coordinates)
    return Measurement(records)


def _increments(job: Job) -> tuple[Tensor, Tensor]:
    """The bound of `Lip(v)` by the weights, (layers, r), and `Dv` at the points, (layers, r, n, d, d)."""
    settings = job.settings
    x = points(settings, settings.flow.points, settings.width).double()
    its, own = field(settings.block, settings.activation, settings.width), settings.init
    assert isinstance(own, Random)
    bounds, increments = [], []
    for first in range(0, settings.replicas, PIECE):
        job.progress(first / settings.replicas, "Jacobians of random blocks")
        replicas = min(PIECE, settings.replicas - first)
        path = draw(
            Iid(sigma_w=own.sigma_w, sigma_b=own.sigma_b),
            its.shapes,
            depth=BLOCKS,
            horizon=1.0,
            replicas=replicas,
            first_replica=first,
            seed=settings.seed,
            purpose="flow.folding",
            device=x.device,
        )
        theta = path.at(STEPS["euler"].times(BLOCKS))
        bounds.append(lipschitz_bound(its.name, settings.activation, theta).T)
        at = x.expand(BLOCKS, replicas, *x.shape)
        increments.append(increments_of(jacobians_at(its, STEPS["euler"], at, theta, 1.0)))
    return torch.cat(bounds, dim=1), torch.cat(increments, dim=1)


def _records(increments: Tensor, norms: Tensor, factor: Tensor, coordinates: dict) -> list[Record]:
    d = increments.shape[-1]
    identity = torch.eye(d, dtype=increments.dtype, device=increments.device)
    determinants = torch.linalg.det(identity + factor[..., None, None] * increments)
    blocks = determinants.shape[0] * determinants.shape[1]
    folded = (determinants <= 0).any(dim=2).double()
    share = float(folded.mean())
    stretched = factor * norms
    records = [
        # No fold among n blocks says that at most 3/n of such blocks fold, with 95 %.
        Record("fold_fraction", fold_fraction(determinants), reference_error=3 / blocks, coordinates=coordinates),
        Record(
            "fold_share",
            share,
            stderr=math.sqrt(max(share * (1 - share), 1 / blocks) / blocks),
            replicas=blocks,
            coordinates=coordinates,
        ),
        Record("min_block_det", float(determinants.min()), coordinates=coordinates),
        Record("block_lipschitz", float(stretched.max()), coordinates=coordinates),
    ]
    largest = stretched.amax(dim=2, keepdim=True)
    if float(largest.max()) < 1:
        ratio = (determinants / (1 - largest) ** d).min()
        error = 1e-13 * float(((1 - largest) ** -d).max())
        records.append(Record("det_ratio", float(ratio), reference_error=error, coordinates=coordinates))
    return records
