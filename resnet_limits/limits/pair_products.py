"""Expectations of Gaussian pairs, for blocks of pairs: `E phi(z_1) phi(z_2)` and `E phi'(z_1) phi'(z_2)`.

    phi'(sqrt(v) g) = sum_k c_k(v) He_k(g)/sqrt(k!)          c_k by quadrature in one dimension, once an input
    E phi'(z_1) phi'(z_2) = sum_k c_k(v_1) c_k(v_2) rho^k                                  (Mehler's formula)
    E phi(z_1) phi(z_2) = E phi(z_1) E phi(z_2) + cov sum_k c_k(v_1) c_k(v_2) rho^k/(k+1)

The second follows from Stein's lemma: the coefficients of phi are `sqrt(v/k) c_{k-1}(v)`. What is cut off is at most
the geometric mean of the tails of `E phi'(z_i)^2`, which are known: as many terms are taken as that needs. ReLU has the
closed forms of Cho & Saul 2009, its kernels of degree 1 and 0.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import SettingError, Undetermined
from ..networks.activations import Activation, activation_named

MAX_TAIL_OF_SERIES = {torch.float64: 1e-14, torch.float32: 1e-7}
"""Part of `E phi'(z)^2` that the series may leave out."""

MOST_TERMS = 192

CUT_OF_HERMITE_INTEGRALS = 13.0
"""Standard deviations at which integrals are cut: `He_k(g)/sqrt(k!)` times the density is below 1e-17 there."""

LARGEST_VARIANCE = 1e4
"""Variances that are expanded: of larger ones the rule takes thousands of nodes, and misses digits all the same."""
SMALL_VARIANCE = 0.1
"""Variance up to which 32 Gauss-Hermite nodes do."""


def expandable(phi: str) -> Activation:
    """The activation of this name, whose products are known in closed form or by a series.

    Raises `SettingError` for an unknown one, and for one with kinks and no closed form, whose series falls too slowly.
    """
    activation = activation_named(phi)
    if activation.kinks and not activation.arc_cosine:
        raise SettingError(
            f"activation={phi}: expectations of products are expanded for smooth activations; its derivative jumps, and"
            " no closed form is declared"
        )
    return activation


@dataclass(frozen=True)
class HermiteExpansion:
    """`E phi(z)`, `E phi(z)^2` (both of the shape of the variances) and the coefficients `c_k`, stacked in front."""

    phi: str
    variance: Tensor
    mean: Tensor
    square: Tensor
    coefficients: Tensor


def expansions(phi: str, *variances: Float[Tensor, "_ _"]) -> list[HermiteExpansion]:
    """Of `z ~ N(0, v)`, for several arrays of variances `v >= 0`, with as many terms as the largest of all needs.

    Two dimensions each: (n, 1) for the rows of a block, (1, m) for its columns. float64: relative error below 1e-12 for
    variances up to 1.5; of tanh, whose poles are near, 1e-7 up to 6 and 1e-6 up to 10 for equal inputs, and next to
    nothing for others.
    """
    largest = max((float(v.max()) for v in variances if v.numel()), default=0.0)
    clamped = [v.clamp(min=0) for v in variances]
    if expandable(phi).arc_cosine:
        return [HermiteExpansion(phi, v, (v / (2 * math.pi)).sqrt(), v / 2, v.new_zeros(0, *v.shape)) for v in clamped]
    if not largest <= LARGEST_VARIANCE:
        raise Undetermined(
            f"pre-activations of variance {largest:.3g}: products of {phi} are expanded up to {LARGEST_VARIANCE:g};"
            " take a larger depth, or smaller init.sigma_w, init.sigma_b or horizon"
        )
    mean, square, coefficients = _expansion(phi, torch.cat([v.flatten() for v in clamped]), _rung(largest))
    sizes = [v.numel() for v in clamped]
    parts = zip(clamped, *(x.split(sizes, dim=-1) for x in (mean, square, coefficients)), strict=True)
    return [
        HermiteExpansion(phi, v, m.reshape(v.shape), q.reshape(v.shape), c.reshape(-1, *v.shape))
        for v, m, q, c in parts
    ]


def _expansion(phi: str, v: Float[Tensor, " n"], rung: int) -> tuple[Tensor, Tensor, Tensor]:
    points, weights, transform = _rule(rung)
    value, slope = activation_named(phi).with_slope(points.to(v)[:, None] * v.sqrt())
    mean = weights.to(v) @ value
    terms = _terms(phi, rung, v.dtype)
    coefficients = transform[:terms].to(v) @ slope
    # From the series and not by quadrature, so that an input paired with itself has the value of its own.
    orders = torch.arange(1, terms + 1, dtype=v.dtype)[:, None]
    return mean, mean.square() + v * (coefficients.square() / orders).sum(dim=0), coefficients


def _rung(variance: float) -> int:
    """Index of the least `2^(rung/2)` above a variance: rules and numbers of terms are kept by it."""
    return math.ceil(2 * math.log2(max(variance, 1e-12)))


@functools.lru_cache(maxsize=256)
def _rule(rung: int) -> tuple[Tensor, Tensor, Tensor]:
    """Nodes `g_j`, weights `w_j` of N(0, 1), and the matrix `w_j He_k(g_j)/sqrt(k!)` from values to coefficients."""
    variance = 2 ** (rung / 2)
    if variance <= SMALL_VARIANCE:
        points, weights = np.polynomial.hermite_e.hermegauss(32)
        most = 24
    else:  # the trapezoidal rule, exponential too: the poles of tanh come as near as pi/(2 sqrt(v))
        points = np.linspace(
            -CUT_OF_HERMITE_INTEGRALS,
            CUT_OF_HERMITE_INTEGRALS,
            2 * math.ceil(CUT_OF_HERMITE_INTEGRALS * max(10.0, 7.0 * math.sqrt(variance))) + 1,
        )
        weights = np.exp(-(points**2) / 2)
        most = MOST_TERMS
    weights = weights / weights.sum()
    polynomials = np.ones((most, len(points)))  # by the recursion of the normalised ones: no large factorials
    polynomials[1] = points
    for k in range(1, most - 1):
        polynomials[k + 1] = (points * polynomials[k] - math.sqrt(k) * polynomials[k - 1]) / math.sqrt(k + 1)
    return torch.from_numpy(points), torch.from_numpy(weights), torch.from_numpy(polynomials * weights)


@functools.lru_cache(maxsize=256)
def _terms(phi: str, rung: int, dtype: torch.dtype) -> int:
    points, weights, transform = _rule(rung)
    _, slope = activation_named(phi).with_slope(points * 2 ** (rung / 4))
    total = weights @ slope.square()
    left = total - (transform @ slope).square().cumsum(dim=0)
    enough = left <= MAX_TAIL_OF_SERIES[dtype] * total
    return int(enough.int().argmax()) + 1 if bool(enough.any()) else len(left)


def pair_products(
    first: HermiteExpansion, second: HermiteExpansion, covariance: Float[Tensor, "n m"], *, slopes: bool = False
) -> tuple[Tensor, Tensor | None]:
    """`E phi(z_1) phi(z_2)` and, where asked for, `E phi'(z_1) phi'(z_2)`, elementwise, of the covariances' shape.

    The expansions are those of `z_1` and `z_2`, of shapes that broadcast to that of the covariances: (n, 1) and (1, m)
    for a block.
    """
    size = first.variance.sqrt() * second.variance.sqrt()
    rho = torch.where(size > 0, covariance / size, 0.0).clamp_(-1, 1)
    if activation_named(first.phi).arc_cosine:
        return _arc_cosine(rho, size, slopes)
    one, two = first.coefficients, second.coefficients
    means = first.mean * second.mean
    # An odd phi has an even phi': every other coefficient is nothing but rounding.
    odd = all(float(c[1::2].abs().max()) < 1e-15 * float(c[0].abs().max()) for c in (one, two) if len(c) > 1)
    stride = 2 if odd else 1
    variable = rho.square() if odd else rho
    values = _series(one, two, variable, stride, divided=True)
    values.mul_(covariance).add_(means)
    return values, _series(one, two, variable, stride, divided=False) if slopes else None


def _series(one: Tensor, two: Tensor, variable: Tensor, stride: int, *, divided: bool) -> Tensor:
    """`sum_j c_k c_k variable^j (/(k+1))`, `k = stride j`, by Horner's rule."""
    total = torch.zeros_like(variable)
    for k in reversed(range(0, len(one), stride)):
        total.mul_(variable).addcmul_(one[k], two[k], value=1 / (k + 1) if divided else 1)
    return total


def _arc_cosine(rho: Tensor, size: Tensor, slopes: bool) -> tuple[Tensor, Tensor | None]:
    """`size/(2 pi) (sin a + (pi - a) cos a)` and `(pi - a)/(2 pi)`, `a` the angle with cosine rho."""
    rest = math.pi - torch.arccos(rho)
    values = (1 - rho.square()).sqrt_().addcmul_(rest, rho).mul_(size / (2 * math.pi))
    return values, rest.div_(2 * math.pi) if slopes else None
