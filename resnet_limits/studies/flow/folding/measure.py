"""`flow.folding`: blocks of random fields, scaled to both sides of the threshold Lip(h v) = 1.

    norm=weights   h v scaled so that the product of the norms of its weights, a bound of Lip(h v), is `lipschitz`
    norm=points    h v scaled so that |h Dv| is `lipschitz` where it is largest among the points of the block

Beside them fields with `Dv = -I` at a point, scaled likewise, there.

A block folds where its determinant is zero or negative. Jacobians are linear in the scale of the field: those of all
blocks at all points are computed once, and scaled.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ....diffeomorphisms.jacobians import block_determinants, fold_fraction, increments_of, jacobians_at
from ....diffeomorphisms.lipschitz import lipschitz_bound
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....networks.blocks import field
from ....networks.blocks.two import TwoBlock
from ....networks.steps import STEPS
from ....paths.draw import draw_path
from ....paths.laws.iid import IidLaw
from ....random import Stream, normals
from ....settings.content import chosen_keys
from ..outside import stretches, unbounded
from ..problem import embedded_points
from ..settings import Flow
from .claims import BLOCKS_A_NETWORK, LIPSCHITZ_BELOW_ONE, NETWORKS_A_PIECE, PINS_OF_FOLDING, SHARP_FIELD

SCALES_BY_NORM = {"weights": (LIPSCHITZ_BELOW_ONE, 2.0, 8.0), "points": (0.5, LIPSCHITZ_BELOW_ONE, 1.5, 2.0, 4.0, 8.0)}
KEYS_OF_SCALED_BLOCKS = ("seed", "width", "replicas", "activation", "block", "init", "data", "dtype", "flow.points")
"""What scaled blocks and their Jacobians depend on."""


def measure(job: Job) -> Measurement:
    """Records of each scale. No depth changes them: jobs share what they were made of."""
    settings = job.settings
    if stretches(settings):
        return Measurement(sharp(settings))
    arrays = job.shared.solve("flow.folding", chosen_keys(settings, KEYS_OF_SCALED_BLOCKS), lambda: _scaled(job))
    records = []
    for norm, scales in _scales(job.settings).items():
        for scale in scales:
            coordinates = {"lipschitz": scale, "norm": norm, **PINS_OF_FOLDING}
            records += _records(arrays[f"{norm}.{scale}"], coordinates)
    return Measurement(records + sharp(settings))


def _scales(settings: Flow) -> dict[str, tuple[float, ...]]:
    """Those of the points alone where the weights bound nothing."""
    return {
        norm: scale_values
        for norm, scale_values in SCALES_BY_NORM.items()
        if norm == "points" or unbounded(settings) is None
    }


def _scaled(job: Job) -> dict[str, np.ndarray]:
    """For each scale: number of blocks, fold fraction, fold share, least determinant, largest stretch, least ratio."""
    of_weights, increments = _increments(job)
    scales_of = _scales(job.settings)
    at_points = stretch(increments)  # (layers, r, n)
    arrays = {}
    for norm, scales in scales_of.items():
        one = of_weights if norm == "weights" else at_points.amax(dim=2)
        for scale in scales:
            factor = (scale / one)[..., None]
            determinants = block_determinants(factor[..., None, None] * increments)
            stretched = factor * at_points
            ratio = _over_bound(determinants, scale, increments.shape[-1]).min() if scale < 1 else math.nan
            arrays[f"{norm}.{scale}"] = np.array(
                [
                    determinants.shape[0] * determinants.shape[1],
                    fold_fraction(determinants),
                    float((~(determinants > 0)).any(dim=2).double().mean()),
                    float(determinants.min()),
                    float(stretched.max()),
                    float(ratio),
                ]
            )
    return arrays


def _records(values: np.ndarray, coordinates: dict[str, Any]) -> list[Record]:
    blocks, fraction, share, least, stretch, ratio = values.tolist()
    stderr = math.sqrt(max(share * (1 - share), 1 / blocks) / blocks)
    records = [
        # No fold among n blocks says that at most 3/n of such blocks fold, with 95 %.
        Record("fold_fraction", fraction, reference_error=3 / blocks, coordinates=coordinates),
        Record("fold_share", share, stderr=stderr, coordinates=coordinates, replicas=int(blocks)),
        Record("min_block_det", least, coordinates=coordinates),
        Record("block_lipschitz", stretch, coordinates=coordinates),
    ]
    if not math.isnan(ratio):
        records.append(Record("det_ratio", ratio, reference_error=1e-12 * max(ratio, 1.0), coordinates=coordinates))
    return records


def stretch(increments: Tensor) -> Tensor:
    """`|Dv|`, the largest singular value, (..., d, d) to (...)."""
    return torch.linalg.matrix_norm(increments, ord=2)


def _over_bound(determinants: Tensor, lipschitz: float, width: int) -> Tensor:
    """`det D block / (1 - Lip(h v))^D`."""
    return determinants / (1 - lipschitz) ** width


def sharp(settings: Flow) -> list[Record]:
    """The ratio of the determinant to its bound in blocks that attain it: `v_k(x) = -W^T tanh(W (x - x_k))`, W with
    orthonormal columns, at the point `x_k`."""
    x = embedded_points(settings, min(BLOCKS_A_NETWORK, settings.flow.points), settings.width).double()
    layers, width = x.shape
    sharp_field = field(TwoBlock(hidden=2 * width), SHARP_FIELD["activation"], width)
    drawn = normals((2 * width, width), Stream(settings.seed, "flow.folding.sharp"), replicas=layers)
    W = torch.linalg.qr(drawn.to(x))[0]
    theta = {"W": W[None], "V": -W.mT[None], "b": -(W @ x[..., None])[None, ..., 0]}
    jacobians = jacobians_at(sharp_field, STEPS["euler"], x[:, None, None], theta, 1.0)
    increments = increments_of(jacobians)[:, 0, 0]
    norms = {"weights": lipschitz_bound(sharp_field, theta)[0], "points": stretch(increments)}
    records = []
    for norm, one in norms.items():
        determinants = block_determinants((LIPSCHITZ_BELOW_ONE / one)[:, None, None] * increments)
        ratios = _over_bound(determinants, LIPSCHITZ_BELOW_ONE, width)
        off = ratios[(ratios - 1).abs().argmax()]
        where = {"lipschitz": LIPSCHITZ_BELOW_ONE, "norm": norm, **SHARP_FIELD}
        records.append(
            Record(
                "sharp_ratio", float(off), reference_error=1e-12 * width / (1 - LIPSCHITZ_BELOW_ONE), coordinates=where
            )
        )
    return records


def _increments(job: Job) -> tuple[Tensor, Tensor]:
    """The bound of `Lip(v)` by the weights, (layers, r), inf where there is none, and `Dv` at the points, (layers, r,
    n, d, d)."""
    settings = job.settings
    x = embedded_points(settings, settings.flow.points, settings.width).double()
    vector_field = field(settings.block, settings.activation, settings.width)
    bounds, increments = [], []
    for first in range(0, settings.replicas, NETWORKS_A_PIECE):
        job.progress(first / settings.replicas, "Jacobians of random blocks")
        path = draw_path(
            IidLaw(**settings.init.sizes()._asdict()),
            vector_field.shapes,
            depth=BLOCKS_A_NETWORK,
            horizon=1.0,
            replicas=NETWORKS_A_PIECE,
            first_replica=first,
            seed=settings.seed,
            purpose="flow.folding",
            device=x.device,
        )
        theta = path.at(STEPS["euler"].times(BLOCKS_A_NETWORK))
        left = settings.replicas - first
        known = unbounded(settings) is None
        bounds.append(
            lipschitz_bound(vector_field, theta).T[:, :left]
            if known
            else torch.full((BLOCKS_A_NETWORK, left), math.inf)
        )
        at = x.expand(BLOCKS_A_NETWORK, NETWORKS_A_PIECE, *x.shape)
        increments.append(increments_of(jacobians_at(vector_field, STEPS["euler"], at, theta, 1.0))[:, :left])
    return torch.cat(bounds, dim=1), torch.cat(increments, dim=1)
