"""Liouville's formula for the stage of a convolutional network whose units share one field v.

    log det D phi_T(x) = int_0^T div v(x_t) dt,     x' = v(x)

Source: Hairer, Norsett & Wanner 1993, section I.11 (there of linear equations: here of the tangents of the flow).
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..diffeomorphisms.stages import field_jacobian
from ..networks.activations import activation_named
from ..networks.convolutional import Maps, Parameters, velocity, weights_of_units
from .ode import solve

NODES_OF_VOLUME = (6, 4)
"""Gauss-Legendre nodes in time of the integral of the divergence, and of the one that tells its error."""
TOLERANCE_OF_STATES = 1e-10
"""Of the states at which the divergence is read."""


def volume_of_flow(
    phi: str, parameters: Parameters, stage: int, x: Maps, *, horizon: float = 1.0
) -> tuple[Float[Tensor, "r n"], float]:
    """`int_0^T div v(x_t) dt` of each replica and image that enters the stage, and its error.

    The states are those of an adaptive solver; the divergence is the trace of the whole Jacobian, at Gauss-Legendre
    nodes in time. The error is the distance to fewer nodes, which have the larger one.
    """
    (theta,) = weights_of_units(parameters, stage, 1)
    if horizon == 0:
        return x.new_zeros(len(theta["A"]), len(x)), 0.0
    fine, coarse = (_divergence(phi, x, theta, horizon, nodes) for nodes in NODES_OF_VOLUME)
    return fine, float((fine - coarse).abs().max())


def _divergence(phi: str, x: Maps, theta: Parameters, horizon: float, nodes: int) -> Float[Tensor, "r n"]:
    nonlinear = activation_named(phi)
    places, shares = np.polynomial.legendre.leggauss(nodes)
    times = torch.from_numpy(horizon * (places + 1) / 2)
    states = solve(lambda t, y: velocity(nonlinear, y, theta), x, times, tolerance=TOLERANCE_OF_STATES)
    traces = [field_jacobian(phi, y, theta).diagonal(dim1=-2, dim2=-1).sum(dim=-1) for y in states]
    return horizon / 2 * torch.tensordot(torch.from_numpy(shares).to(x), torch.stack(traces), dims=1)
