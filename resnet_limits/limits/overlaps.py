"""Moments and overlaps at infinite width: exact recursions at finite depth, and their ODEs.

    deep block       L' = sigma_B^2 E[phi(z) phi(z)^T] + sigma_b^2,    z ~ N(0, sigma_A^2 L + sigma_a^2)
    shallow block    m' = 1/2 phi''(0) diag V,    L' = phi'(0)^2 V + 1/2 phi''(0) (m (diag V)^T + (diag V) m^T)

`L` (n, n) holds the overlaps `<x_i, x_j>/D`, `m` (n,) the means over coordinates, `V = V(L)` the covariance of the
pre-activations per unit of time: an affine map, `sigma_b^2 + sigma_w^2 L` for dense layers, sums over taps for
convolutions. At finite depth pre-activations are Gaussian, `z ~ N(0, h V)`, and

    m <- m + E phi(z),    L <- L + m E phi(z)^T + E phi(z) m^T + E[phi(z) phi(z)^T]

Peluchetti & Favaro 2020 (arXiv 2007.03253); for ReLU in the deep block, Cho & Saul 2009, kernel of degree 1. float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..networks.activations import activation_named
from ..networks.gaussian_means import gaussian_mean
from .ode import solve_with_error
from .pair_products import expandable

Covariance = Callable[[Tensor], Tensor]
"""`V(L)`: covariance (..., n, n) of the pre-activations per unit of time, from the overlaps (..., n, n)."""

CUT_OF_OVERLAPS = 7.5
"""Standard deviations at which Gaussian integrals are cut: the rest is 1e-13."""

VALUES_AT_A_TIME = 2**21
"""Values of the integrand computed at a time; changes memory alone."""


@lru_cache(maxsize=8)
def _nodes(count: int) -> tuple[Tensor, Tensor]:
    """The trapezoidal rule for N(0, 1): it converges exponentially for analytic integrands, poles near the axis too."""
    nodes = torch.linspace(-CUT_OF_OVERLAPS, CUT_OF_OVERLAPS, count, dtype=torch.float64)
    weights = torch.exp(-nodes.square() / 2)
    return nodes, weights / weights.sum()


def gaussian_products(phi: str, S: Float[Tensor, "n n"], *, nodes: int = 96) -> Float[Tensor, "n n"]:
    """`E[phi(z_i) phi(z_j)]`, `z ~ N(0, S)`, for every pair.

    ReLU in closed form, others by the trapezoidal rule with `nodes` points a dimension (96: relative error 1e-12 for
    variances up to 5; 20 for variances below 0.2). Raises `SettingError` as `pair_products.expandable` does.
    """
    f = expandable(phi)
    if f.arc_cosine:
        return _relu_products(S)
    x, w = (q.to(S) for q in _nodes(nodes))
    i, j = torch.triu_indices(len(S), len(S))
    deviation = S.diagonal().clamp(min=0).sqrt()
    a, b, joint = deviation[i], deviation[j], S[i, j]
    along = torch.where(a > 0, joint / a, 0.0).clamp(-b, b)
    across = (b.square() - along.square()).clamp(min=0).sqrt()
    first = f(a[:, None] * x) * w
    values = torch.empty_like(joint)
    for part in torch.arange(len(joint)).split(max(1, VALUES_AT_A_TIME // nodes**2)):
        second = f(along[part, None, None] * x[:, None] + across[part, None, None] * x) @ w
        values[part] = (first[part] * second).sum(dim=1)
    products = torch.zeros_like(S)
    products[i, j] = values
    products[j, i] = values
    return products


def _relu_products(S: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
    deviation = S.diagonal().clamp(min=0).sqrt()
    size = torch.outer(deviation, deviation)
    cosine = torch.where(size > 0, S / size, 0.0).clamp(-1, 1)
    angle = torch.arccos(cosine)
    return size / (2 * math.pi) * (torch.sin(angle) + (math.pi - angle) * cosine)


# -- deep blocks ----------------------------------------------------------------------------------


def deep_rate(
    phi: str, overlaps: Float[Tensor, "n n"], *, inner: tuple[float, float], outer: tuple[float, float], nodes: int = 96
) -> Float[Tensor, "n n"]:
    """`sigma_B^2 E[phi(z) phi(z)^T] + sigma_b^2`; `inner = (sigma_A, sigma_a)`, `outer = (sigma_B, sigma_b)`."""
    S = inner[0] ** 2 * overlaps + inner[1] ** 2
    return outer[0] ** 2 * gaussian_products(phi, S, nodes=nodes) + outer[1] ** 2


def deep_flow(
    phi: str, start: Float[Tensor, "n n"], horizon: float, *, inner: tuple[float, float], outer: tuple[float, float]
) -> tuple[Float[Tensor, "n n"], float]:
    """Overlaps of the infinitely wide and deep network whose blocks' last layer shrinks, and the error from above.

    The error counts the solver's and that of the integrals, by a solution with three quarters of the nodes.
    """
    solution, error = solve_with_error(lambda t, x: deep_rate(phi, x, inner=inner, outer=outer), start, horizon)
    coarser, _ = solve_with_error(lambda t, x: deep_rate(phi, x, inner=inner, outer=outer, nodes=72), start, horizon)
    return solution, error + float((solution - coarser).abs().max())


def deep_recursion(
    phi: str,
    start: Float[Tensor, "n n"],
    horizon: float,
    depth: int,
    *,
    inner: tuple[float, float],
    outer: tuple[float, float],
) -> list[Float[Tensor, "n n"]]:
    """Overlaps after 0, 1, ..., depth blocks at infinite width: increments are uncorrelated with the state, so this is
    the Euler scheme of the ODE."""
    overlaps = [start]
    for _ in range(depth):
        now = overlaps[-1]
        overlaps.append(now + horizon / depth * deep_rate(phi, now, inner=inner, outer=outer))
    return overlaps


# -- shallow blocks, dense or convolutional -------------------------------------------------------


def linear_flow(
    generator: object, start: Float[Tensor, "n n"], horizon: float, *, rate: float, source: float
) -> Float[Tensor, "n n"]:
    """`L' = rate A L + source`, `A` a sparse matrix (n n, n n) on the overlaps: the matrix exponential's action.

    Al-Mohy & Higham 2011, as in scipy. For tanh and `psi = id`: rate `sigma_w^2`, source `sigma_b^2`.
    """
    from scipy.sparse import block_array, coo_array, csr_array
    from scipy.sparse.linalg import expm_multiply

    size = start.numel()
    constant = coo_array(np.full((size, 1), source))
    augmented = csr_array(block_array([[rate * csr_array(generator), constant], [None, coo_array((1, 1))]]))
    ending = expm_multiply(horizon * augmented, np.append(start.numpy().ravel(), 1.0))
    return torch.from_numpy(np.asarray(ending[:-1])).reshape(start.shape)


def moment_flow(
    phi: str, mean: Float[Tensor, " n"], start: Float[Tensor, "n n"], covariance: Covariance, horizon: float
) -> tuple[Float[Tensor, " n"], Float[Tensor, "n n"], float]:
    """`(m_T, L_T, error)` of the closed ODEs of the shallow block, and their error from above.

    Raises `MeasurementError` where the moments explode before the horizon.
    """
    slope, curvature = activation_named(phi).taylor()

    def velocity(t: Tensor, state: Tensor) -> Tensor:
        m, overlaps = state[:, -1], state[:, :-1]
        V = covariance(overlaps)
        drift = 0.5 * curvature * V.diagonal()
        change = slope**2 * V + torch.outer(m, drift) + torch.outer(drift, m)
        return torch.cat([change, drift[:, None]], dim=1)

    state, error = solve_with_error(velocity, torch.cat([start, mean[:, None]], dim=1), horizon)
    return state[:, -1], state[:, :-1], error


def moment_step(
    phi: str, mean: Float[Tensor, " n"], overlaps: Float[Tensor, "n n"], covariance: Float[Tensor, "n n"]
) -> tuple[Float[Tensor, " n"], Float[Tensor, "n n"]]:
    """One block of finite size at infinite width: `(m, L)` after pre-activations `z ~ N(0, covariance)`."""
    change = gaussian_mean(phi, covariance.diagonal())
    cross = torch.outer(mean, change)
    return mean + change, overlaps + cross + cross.T + gaussian_products(phi, covariance, nodes=20)
