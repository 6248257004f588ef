"""`C_{k+1} = C_k + E[phi(z) phi(z)^T]`, `z ~ N(0, h (sigma_b^2 + sigma_w^2 C_k))`: networks of finite depth.

Of infinite width, for odd phi and psi = id. What a claim about the limit is off by at a depth is read from it.
`E phi'(z)^2` is how mean squares of tangents and costates grow: `|u|^2 <- |u|^2 (1 + h sigma_w^2 E phi'(z)^2)`.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ...networks.activations import activation_named
from ...sampling.expectations import moments
from .outside import sizes
from .settings import Sde

HERMITE_NODES = 64
STEP_OF_CENTRAL_DIFFERENCES = 1e-5
"""Of central differences: errors of 1e-10."""


def overlaps(settings: Sde, x0: Float[Tensor, "n d"]) -> Float[Tensor, "k n n"]:
    """`C_0, ..., C_L` of the settings' own network."""
    init, h = sizes(settings), settings.horizon / settings.depth
    x = x0.double().cpu()
    path = [x @ x.T / x.shape[1]]
    for _ in range(settings.depth):
        C = path[-1]
        path.append(C + moments(settings.activation, h * (init.sigma_b**2 + init.sigma_w**2 * C))[1])
    return torch.stack(path)


def slopes(settings: Sde, q: Float[Tensor, " k"]) -> Float[Tensor, " k"]:
    """`E phi'(z)^2` of layers whose states have mean squares q."""
    init, h, phi = sizes(settings), settings.horizon / settings.depth, activation_named(settings.activation)
    points, weights = np.polynomial.hermite_e.hermegauss(HERMITE_NODES)
    z = (h * (init.sigma_b**2 + init.sigma_w**2 * q)).sqrt()[:, None] * torch.from_numpy(points)
    slope = (phi(z + STEP_OF_CENTRAL_DIFFERENCES) - phi(z - STEP_OF_CENTRAL_DIFFERENCES)) / (
        2 * STEP_OF_CENTRAL_DIFFERENCES
    )
    return slope.square() @ torch.from_numpy(weights / weights.sum())


def mean_squares(settings: Sde, x0: Float[Tensor, "1 d"]) -> tuple[float, np.ndarray]:
    """`E |dx_L/dx_0 u|^2/|u|^2`, and `E |dJ/dW_k|^2 / d` of layers k = 0, ..., L-1 where `E |p_L|^2 = 1`."""
    q = overlaps(settings, x0)[:-1, 0, 0]
    slope = slopes(settings, q)
    growth = (settings.horizon / settings.depth * sizes(settings).sigma_w ** 2 * slope).log1p()
    behind = growth.sum() - growth.cumsum(dim=0)
    return math.exp(float(growth.sum())), (slope * q * behind.exp()).numpy()


def log_norm_variance(settings: Sde, x0: Float[Tensor, " d"], sigma_w: float) -> float:
    """Variance of `log |x_L|/|x_0|` to first order in 1/D, without biases; nan from the origin.

    Of `y = log |x|`: `V <- (1 + m'(y))^2 V + v(y)`, m and v the mean and the variance of a layer's step.
    """
    d, layers, k = len(x0), settings.depth, sigma_w**2
    phi, h = activation_named(settings.activation), settings.horizon / settings.depth
    points, weights = (torch.from_numpy(a) for a in np.polynomial.hermite_e.hermegauss(HERMITE_NODES))
    weights = weights / weights.sum()

    def power(q: float, p: int) -> float:
        """`E phi(z)^p`"""
        return float(phi(math.sqrt(h * k * q) * points) ** p @ weights)

    def step(y: float) -> float:
        q = math.exp(2 * y)
        return math.log1p(power(q, 2) / q) / 2

    q, variance = float(x0.double().square().mean()), 0.0
    if not q:
        return math.nan
    for _ in range(layers):
        y, a = math.log(q) / 2, power(q, 2)
        bend = (step(y + STEP_OF_CENTRAL_DIFFERENCES) - step(y - STEP_OF_CENTRAL_DIFFERENCES)) / (
            2 * STEP_OF_CENTRAL_DIFFERENCES
        )
        grown = a / q  # ratios: squares of q may be too small for float64
        spread = 4 * grown + power(q, 4) / q / q - grown**2
        variance = (1 + bend) ** 2 * variance + spread / (4 * d * (1 + grown) ** 2)
        q += a
    return variance
