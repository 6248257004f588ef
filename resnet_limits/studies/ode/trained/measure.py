"""`ode.trained`, `ode.interpolated`: networks trained from a tied start; their weight paths converge at order 1.

A job trains one depth and keeps the weights; `compare.py` compares them. Pinned: two-matrix blocks, tied start.
Recorded besides: the distance of each trained network to the neural ODE of its own weights, interpolated in depth.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ....engines import default_engine
from ....limits.flow import root_mean_square, rounding_of_states
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....networks.classifier import TRUNK, logits
from ....networks.parametrisation import ODE
from ....networks.steps import STEPS
from ....paths.laws.tied import TiedLaw
from ..networks import data_of, drawn_trunk, records_and_arrays, trained_from, two_matrix_field
from ..problem import with_own_sizes
from ..settings import Ode
from .claims import PINS_OF_TRAINED

SUBSTEPS = 4
"""RK4 steps a block in the neural ODE of the interpolated weights; half as many tell its error."""


def measure(job: Job) -> Measurement:
    """Loss, accuracy and roughness by step and at the end, `interpolated_error`, and the final weights."""
    settings: Ode = job.settings
    dataset = data_of(settings)
    law = with_own_sizes(settings, TiedLaw())
    trunk = drawn_trunk(
        settings, law, settings.width, depth=settings.depth, replicas=settings.train.replicas, purpose="trained"
    )
    trained = trained_from(job, trunk, dataset, same_ends=False, cut=False)
    measurement = records_and_arrays(settings, trunk, trained, dataset, "trained", PINS_OF_TRAINED)
    job.progress(1.0, "neural ODE of the trained weights")
    if len(dataset.x_test):
        measurement.records.append(_interpolated(settings, trained.parameters, dataset.x_test))
    return measurement


def weights_in_time(weights: Tensor, substeps: int) -> Tensor:
    """Weights (r, L, *shape) at `t_k`, piecewise linear in time, read by RK4 with so many steps a block.

    (r, 2 substeps L + 1, *shape). The last block continues the line of the one before.
    """
    depth = weights.shape[1]
    if depth == 1:
        return weights.expand(-1, 2 * substeps + 1, *weights.shape[2:])
    layer = torch.arange(2 * substeps * depth + 1, device=weights.device, dtype=torch.float64) / (2 * substeps)
    below = layer.long().clamp(max=depth - 2)
    fraction = (layer - below).to(weights.dtype).view(-1, *(1,) * (weights.ndim - 2))
    return torch.lerp(weights[:, below], weights[:, below + 1], fraction)


def _interpolated(settings: Ode, parameters: Mapping[str, Tensor], points: Tensor) -> Record:
    """Relative distance of the network's logits to those of `x' = V(t) phi(W(t) x + b(t))`, a root mean square."""
    vector_field, through = two_matrix_field(settings, settings.width), default_engine().forward

    def of_the_limit(substeps: int) -> Tensor:
        trunk = {name: weights_in_time(w, substeps) for name, w in parameters.items() if name.startswith(TRUNK)}
        h = ODE.block_factor(settings.depth * substeps, settings.horizon)
        return logits(vector_field, STEPS["rk4"], {**parameters, **trunk}, points, h, through=through)

    with torch.no_grad():
        h = ODE.block_factor(settings.depth, settings.horizon)
        network = logits(vector_field, STEPS["euler"], parameters, points, h, through=through)
        limit, coarser = of_the_limit(SUBSTEPS), of_the_limit(SUBSTEPS // 2)
    size = root_mean_square(limit)
    return Record(
        "interpolated_error",
        root_mean_square(network - limit) / size,
        reference=size,
        reference_error=root_mean_square(limit - coarser) / size
        + rounding_of_states(settings.dtype, settings.depth, 1.0),
        coordinates=PINS_OF_TRAINED,
        replicas=settings.train.replicas,
    )
