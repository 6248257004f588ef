"""Expectations of activations of Gaussians: Gauss-Hermite quadrature and Mehler's formula.

    phi(sqrt(v) g) = sum_k a_k(v) He_k(g)/sqrt(k!)      g standard normal
    E phi(z_1) = a_0(v_1)      E phi(z_1) phi(z_2) = sum_k a_k(v_1) a_k(v_2) rho^k

for Gaussian z_1, z_2 with mean zero, variances v_1, v_2 and correlation rho: one-dimensional quadrature only.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..fixed_shape import add_terms
from ..networks.activations import activation_named

NODES_BY_VARIANCE = ((0.01, 6), (0.05, 8), (0.2, 12), (0.5, 24), (1.0, 32), (math.inf, 64))
"""`(largest variance, nodes)`: errors below 1e-5 of `E phi(z)^2 - phi'(0)^2 v` up to a variance of 1, 1e-4 up to 4."""


VARIANCES_AT_A_TIME = 1024
"""Variances whose coefficients are computed at a time: they stay in the cache. Speed alone."""


def moments(
    phi: str, covariance: Float[Tensor, "*batch n n"]
) -> tuple[Float[Tensor, "*batch n"], Float[Tensor, "*batch n n"]]:
    """`E phi(z_i)` and `E phi(z_i) phi(z_j)` for `z ~ N(0, covariance)`, `phi(0) = 0`, float64."""
    n = covariance.shape[-1]
    flat = covariance.reshape(-1, n, n)
    largest = flat.diagonal(dim1=-2, dim2=-1).amax(dim=-1)
    first, product = flat.new_empty(len(flat), n), torch.empty_like(flat)
    least = -math.inf
    for bound, nodes in NODES_BY_VARIANCE:
        # Each covariance has the nodes that its own variances need, whichever are computed with it.
        indices = ((largest > least) & (largest <= bound) | (bound == math.inf) & largest.isnan()).nonzero().squeeze(-1)
        least = bound
        if len(indices) == len(flat):
            first, product = _moments(phi, flat, nodes)
        elif len(indices):
            first[indices], product[indices] = _moments(phi, flat[indices], nodes)
    return first.reshape(covariance.shape[:-1]), product.reshape(covariance.shape)


def _moments(
    phi: str, covariance: Float[Tensor, "b n n"], terms: int
) -> tuple[Float[Tensor, "b n"], Float[Tensor, "b n n"]]:
    n = covariance.shape[-1]
    variance = covariance.diagonal(dim1=-2, dim2=-1).clamp(min=0)
    a = [hermite_coefficients(phi, variance[..., i], terms) for i in range(n)]
    product = torch.empty_like(covariance)
    for i in range(n):
        product[..., i, i] = _sum(a[i].square())
        for j in range(i):
            size = (variance[..., i] * variance[..., j]).sqrt()
            rho = torch.where(size > 0, covariance[..., i, j] / size, 0.0).clamp(-1, 1)
            total = torch.zeros_like(rho)
            for k in range(terms - 1, -1, -1):  # Horner
                total = torch.addcmul(a[i][k] * a[j][k], total, rho)
            product[..., i, j] = product[..., j, i] = total
    return torch.stack([coefficients[0] for coefficients in a], dim=-1), product


def _sum(terms: Float[Tensor, "k b"]) -> Float[Tensor, " b"]:
    total = terms[0].clone()
    for term in terms[1:]:
        total.add_(term)
    return total


def hermite_coefficients(phi: str, variance: Float[Tensor, " b"], nodes: int) -> Float[Tensor, "k b"]:
    """`E phi(v^(1/2) g) He_k(g)/(k!)^(1/2)`, g standard normal, for k below the number of nodes."""
    points, transform = (q.to(variance) for q in _quadrature(nodes))
    coefficients = variance.new_zeros(nodes, len(variance))
    for part, of in zip(
        coefficients.split(VARIANCES_AT_A_TIME, dim=1), variance.split(VARIANCES_AT_A_TIME), strict=True
    ):
        add_terms(part, transform, activation_named(phi)(points[:, None] * of.sqrt()))
    return coefficients


@functools.cache
def _quadrature(nodes: int) -> tuple[Tensor, Tensor]:
    """Nodes `g_j`, and the matrix `w_j He_k(g_j)/sqrt(k!)` from values at the nodes to coefficients."""
    points, weights = np.polynomial.hermite_e.hermegauss(nodes)
    polynomials = np.ones((nodes, nodes))  # by the recursion of the normalised ones: no large factorials
    polynomials[1:2] = points
    for k in range(1, nodes - 1):
        polynomials[k + 1] = (points * polynomials[k] - math.sqrt(k) * polynomials[k - 1]) / math.sqrt(k + 1)
    return torch.from_numpy(points), torch.from_numpy(polynomials * (weights / weights.sum()))
