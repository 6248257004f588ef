"""Jacobians of blocks along the trajectories of a network."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from resnet_limits.diffeomorphisms.jacobians import jacobians_at
from resnet_limits.networks.residual import states
from resnet_limits.networks.steps.step import Field, Step


def along(field: Field, step: Step, x0: Tensor, weights: Mapping[str, Tensor], h: float) -> Tensor:
    """`D block_k(x_k)` at the states `x_k` that the points `x_0` (r, n, d) reach: (layers, r, n, d, d)."""
    return jacobians_at(field, step, states(field, step, x0, weights, h)[:-1], weights, h)
