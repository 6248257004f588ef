"""What the stages of a trained network do to states: how far a unit stretches them, and how volumes change.

    stretch.S        largest |h Dv| of the units of stage S
    determinant.S    least det(D unit)^(1/d), d the numbers of a state
    ratio.S          least det(D unit)^(1/d) / (1 - |h Dv|), over units and images with |h Dv| < 1
    volume.S.m       log det D phi with m units that share their weights, less int div v along the exact flow
    volume_error.S   error of that integral

Of the first replica, at the first test images (volumes: at the first), in float64. A state of more numbers than `LARGEST_STATE` has a Jacobian
that is too large to be made: there, only the stretch, by power iteration.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ....diffeomorphisms.stages import log_determinants, unit_increments, unit_stretches, volume_of_flow
from ....networks.convolutional import NUMBERS_OF_STAGES, Images, Maps, Parameters, stages

IMAGES_FOLLOWED = 2
LARGEST_STATE = 512
"""Numbers of the largest state whose Jacobians are made: 8 channels of 8 x 8 pixels."""


@torch.no_grad()
def seen_in_stages(
    phi: str, parameters: Parameters, images: Images, *, units: int, refined: Sequence[int], horizon: float
) -> dict[str, np.ndarray]:
    """The arrays above; volumes for the numbers of units in `refined`, which is empty where units do not share."""
    one = {name: w[:1].double() for name, w in parameters.items()}
    entering = stages(phi, one, images[:IMAGES_FOLLOWED].double(), units=units, horizon=horizon)
    arrays = {}
    for stage, (x, _) in zip(NUMBERS_OF_STAGES, entering, strict=True):
        if x[0].numel() > LARGEST_STATE:
            stretch = unit_stretches(phi, one, stage, x, units=units, horizon=horizon)
            arrays[f"stretch.{stage}"] = stretch.max().cpu().numpy()
            continue
        seen = _at_trained_units(phi, one, stage, x, units, horizon)
        if refined:
            seen |= _refined(phi, one, stage, x[:1], refined, horizon)
        for name, values in seen.items():
            what, _, at = name.partition(".")
            arrays[f"{what}.{stage}" + (f".{at}" if at else "")] = values
    return arrays


def _at_trained_units(
    phi: str, parameters: Parameters, stage: int, x: Maps, units: int, horizon: float
) -> dict[str, np.ndarray]:
    increments = torch.stack(list(unit_increments(phi, parameters, stage, x, units=units, horizon=horizon)))
    stretch = torch.linalg.matrix_norm(increments, ord=2)
    determinant = (log_determinants(increments) / increments.shape[-1]).exp().nan_to_num(0.0)
    ratio = (determinant / (1 - stretch))[stretch < 1]
    seen = {"stretch": stretch.max(), "determinant": determinant.min()}
    if ratio.numel():
        seen["ratio"] = ratio.min()
    return {name: value.cpu().numpy() for name, value in seen.items()}


def _refined(
    phi: str, parameters: Parameters, stage: int, x: Maps, refined: Sequence[int], horizon: float
) -> dict[str, np.ndarray]:
    exact, error = volume_of_flow(phi, parameters, stage, x, horizon=horizon)
    seen = {"volume_error": np.array(error)}
    for m in refined:
        units = unit_increments(phi, parameters, stage, x, units=m, horizon=horizon)
        seen[f"volume.{m}"] = (sum(log_determinants(A) for A in units) - exact).cpu().numpy()
    return seen
