"""`x' = E_theta f(x, theta)`: the limit of networks with factor `h` and independent weights of size O(1).

A law of large numbers in depth: the fluctuations of the layers average out, of order `L^-1/2` for one draw and
`1/L` in the mean. For the block `phi(W x + b)` with `W_ij ~ N(0, sigma_w^2/d)` and `b_i ~ N(0, sigma_b^2)` all
coordinates of `W x + b` are `N(0, v)`, `v = sigma_b^2 + sigma_w^2 |x|^2 / d`, so that

    E f(x)_i = m(v) = E phi(sqrt(v) xi),    xi ~ N(0, 1)

which is zero for odd `phi`. The blocks `W phi(x) + b` and `V phi(W x + b)` are linear in weights of mean zero:
the average vanishes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import SettingError
from ..networks.activations import Activation, activation_named
from ..networks.residual import unstacked
from ..networks.steps.step import Field
from ..settings.blocks.block import Block

NODES = 200
CUT = 10.0
"""Standard deviations at which the Gaussian integral is cut: the rest is 1e-23."""

SMALLEST = 1e-24
"""Variance below which the derivative of its square root is cut off: it is multiplied by a zero of the same order."""


@lru_cache(maxsize=1)
def _half_line() -> tuple[Tensor, Tensor]:
    """Gauss-Legendre nodes on [0, CUT] and weights times the Gaussian density.

    On a half-line, and with `phi(s) + phi(-s)` as integrand, where Gauss-Hermite would be the common choice: the kink
    of relu lies at the end of the interval and costs nothing, and an odd `phi` gives exactly 0.
    """
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    nodes = (nodes + 1) * CUT / 2
    weights = weights * CUT / 2 * np.exp(-(nodes**2) / 2) / np.sqrt(2 * np.pi)
    return torch.from_numpy(nodes), torch.from_numpy(weights)


def _piecewise_smooth(name: str) -> Activation:
    phi = activation_named(name)
    if set(phi.kinks) - {0.0}:
        raise SettingError(f"activation={name}: Gaussian means are taken of activations that are smooth but at 0")
    return phi


def gaussian_mean(name: str, v: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """`E phi(z)`, `z ~ N(0, v)`, for an activation by name; relative error 1e-13 for `v <= 100`. Differentiable.

    Raises `SettingError` for an unknown activation, and for one with kinks elsewhere than at 0.
    """
    nodes, weights = (q.to(v) for q in _half_line())
    z = v.sqrt().unsqueeze(-1) * nodes
    phi = _piecewise_smooth(name)
    return ((phi(z) + phi(-z)) * weights).sum(dim=-1)


def gaussian_mean_square(name: str, v: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """`E phi(z)^2`, `z ~ N(0, v)`, to the accuracy of `gaussian_mean`."""
    nodes, weights = (q.to(v) for q in _half_line())
    z = v.sqrt().unsqueeze(-1) * nodes
    phi = _piecewise_smooth(name)
    return ((phi(z).square() + phi(-z).square()) * weights).sum(dim=-1)


@dataclass(frozen=True)
class AveragedField:
    """`E_theta f(x, theta)` for Gaussian weights of mean zero, independent in depth.

    Weights have variance `sigma_w^2 / fan-in`, biases `sigma_b^2`. Called as `average(x)`, `(r, n, d)` to the same.
    """

    block: str
    activation: str
    sigma_w: float
    sigma_b: float

    def variance(self, x: Float[Tensor, "r n d"]) -> Float[Tensor, "r n"]:
        """`v(x) = sigma_b^2 + sigma_w^2 |x|^2 / d`, of each coordinate of `W x + b`."""
        return self.sigma_b**2 + self.sigma_w**2 * x.square().mean(dim=-1)

    def __call__(self, x: Float[Tensor, "r n d"]) -> Float[Tensor, "r n d"]:
        if self.block != "one":
            return torch.zeros_like(x)
        return gaussian_mean(self.activation, self.variance(x)).unsqueeze(-1).expand_as(x)

    def velocity(self, t: Tensor, x: Float[Tensor, "r n d"]) -> Float[Tensor, "r n d"]:
        """`E f(x)` with the signature that `ode.solve` wants; it does not depend on the time."""
        return self(x)

    def derivative(self, x: Float[Tensor, "#r n d"], u: Float[Tensor, "r n d"]) -> Float[Tensor, "r n d"]:
        """`E f'(x) u = m'(v) (2 sigma_w^2 / d) <x, u> 1`; one `x` for all replicas, or one for each."""
        if self.block != "one":
            return torch.zeros_like(u)
        with torch.enable_grad():
            v = self.variance(x).detach().clamp(min=SMALLEST).requires_grad_()
            (slope,) = torch.autograd.grad(gaussian_mean(self.activation, v).sum(), v)
        dv = 2 * self.sigma_w**2 * (x * u).mean(dim=-1)
        return (slope * dv).unsqueeze(-1).expand_as(u)


def averaged_field(block: Block, activation: str, *, sigma_w: float, sigma_b: float) -> AveragedField:
    """The averaged field of a block."""
    return AveragedField(block.name, activation, sigma_w, sigma_b)


def martingale_response(
    field: Field, average: AveragedField, x0: Float[Tensor, "n d"], weights: Mapping[str, Tensor], h: float
) -> tuple[Tensor, Tensor, Tensor]:
    """`(x_L, y_L, z_L)`: the Euler network, the averaged network, and the response to the network's fluctuations.

        x_{k+1} = x_k + h f(x_k, theta_k)
        y_{k+1} = y_k + h E f(y_k)
        z_{k+1} = z_k + h (E f'(y_k) z_k + f(x_k, theta_k) - E f(x_k)),    z_0 = 0

    The weights of a layer are independent of its state, so `f(x_k, theta_k) - E f(x_k)` is a martingale difference and
    `z_L` has mean zero exactly, at any depth. It is `x_L - y_L` but for the curvature of `E f`: a control variate that
    takes nearly all noise out of the mean of `x_L`. Independent weights, (r, L, *shape), read by `steps.Euler`;
    returns (r, n, d), (1, n, d), (r, n, d).
    """
    layers = unstacked(weights)
    replicas = next(iter(layers[0].values())).shape[0]
    y = x0[None]
    x = y.expand(replicas, *x0.shape)
    z = torch.zeros_like(x)
    for theta in layers:
        f = field(x, theta)
        z = z + h * (average.derivative(y, z) + f - average(x))
        x = x + h * f
        y = y + h * average(y)
    return x, y, z
