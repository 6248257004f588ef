"""Expectations of a network's moments with a martingale as control variate.

    y = (m, C),  m_i = mean_d x^i_d,  C_ij = <x^i, x^j>/D          f = F y, linear
    f(x_L)  ->  f(x_L) - M_L,      M_L = sum_k w_{k+1} (y_{k+1} - E[y_{k+1} | x_k])

`E M_L = 0` exactly, for any weights `w`: a layer's pre-activations are Gaussian given `x_k`, with independent rows of
covariance `h S`, `S = sigma_b^2 + sigma_w^2 <psi(x^i), psi(x^j)>/D`, and

    E[m'_i] = m_i + mu_i,      E[C'_ij] = C_ij + m_i mu_j + mu_i m_j + E phi(z_i) phi(z_j),      mu_i = E phi(z_i).

With `w_k` the gradient of the final `f` with respect to `y_k` at infinite width, where the moments obey that recursion
without noise, only its curvature is left in `f(x_L) - M_L`. For `phi''(0) = 0` and `psi = id` that is the curvature of
the error of a layer: at width 16 some hundredth of the weak error itself, at any depth.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from ..fixed_shape import gram as inner_products
from ..networks.activations import activation_named
from .expectations import moments
from .layer_law import Isotropic
from .schemes import ShallowNetwork

LAYERS_OF_MARTINGALE_TOGETHER = 32
"""Layers whose expectations are computed together: speed, and 1e-5 of the control variate, whose quadrature has as many
nodes as the largest variance of them needs."""
STEP_OF_DIFFERENCE = 1e-4


def state_moments(x: Float[Tensor, "*batch n d"]) -> Float[Tensor, "*batch s"]:
    """`y = (m, C)`, flat, float64; `s = n + n^2`."""
    x = x.double()
    overlaps = inner_products(x.reshape(-1, *x.shape[-2:])) / x.shape[-1]
    return torch.cat([x.mean(dim=-1), overlaps.reshape(*x.shape[:-2], -1)], dim=-1)


def drift_at_infinite_width(
    y: Float[Tensor, " s"], gram: Float[Tensor, "n n"], phi: str, law: Isotropic
) -> Float[Tensor, " s"]:
    """`m' = c/2 v`, `C' = a S + c/2 (m v^T + v m^T)`, `a = phi'(0)^2`, `c = phi''(0)`, `v = diag S`.

    Peluchetti & Favaro 2020 (arXiv 2007.03253), section 5.
    """
    slope, c = activation_named(phi).taylor()
    a = slope**2
    S = law.sigma_b**2 + law.sigma_w**2 * gram
    v = S.diagonal()
    outer = y[: len(v), None] * v
    return torch.cat([c / 2 * v, (a * S + c / 2 * (outer + outer.mT)).flatten()])


def expected_change(
    y: Float[Tensor, "*batch s"], gram: Float[Tensor, "*batch n n"], phi: str, law: Isotropic, h: float
) -> Float[Tensor, "*batch s"]:
    """`E[y_{k+1} | x_k] - y_k`; `gram` is `<psi(x^i), psi(x^j)>/D`."""
    mu, product = moments(phi, h * (law.sigma_b**2 + law.sigma_w**2 * gram))
    cross = y[..., : mu.shape[-1], None] * mu[..., None, :]
    return torch.cat([mu, (cross + cross.mT + product).flatten(-2)], dim=-1)


def gradients_of_mean(
    functionals: Float[Tensor, "p s"],
    y0: Float[Tensor, " s"],
    n: int,
    scheme: ShallowNetwork,
    law: Isotropic,
    depth: int,
    horizon: float,
) -> Float[Tensor, "times p s"]:
    """`w_k = d f / d y_k`, k = 0..depth, at infinite width; zero where that explodes.

    For `psi` other than the identity coordinates are taken for Gaussian, which is good enough for weights.
    """
    h, phi, path = horizon / depth, scheme.phi, [y0]

    def gram(y: Tensor) -> Tensor:
        C = y[..., n:].unflatten(-1, (n, n))
        return C if scheme.psi == "identity" else moments(scheme.psi, C)[1]

    def change(y: Tensor) -> Tensor:
        return expected_change(y, gram(y), phi, law, h)

    for _ in range(depth - 1):
        path.append(path[-1] + h * drift_at_infinite_width(path[-1], gram(path[-1]), phi, law))
    y, s = torch.stack(path).unsqueeze(1), len(y0)
    if not bool(y.isfinite().all()):
        return y0.new_zeros(depth + 1, *functionals.shape)
    # Central differences: any weights will do, and nothing but the quadrature would have to be differentiated.
    shift = STEP_OF_DIFFERENCE * torch.eye(s, dtype=y.dtype)
    jacobian = ((change(y + shift) - change(y - shift)) / (2 * STEP_OF_DIFFERENCE)).mT
    w = [functionals]
    for k in reversed(range(depth)):
        w.append(w[-1] + w[-1] @ jacobian[k])
    gradient = torch.stack(w[::-1])
    return gradient if bool(gradient.isfinite().all()) else torch.zeros_like(gradient)


class Martingale:
    """`M_L` of one network, from its states layer by layer; memory does not grow with depth."""

    def __init__(
        self, scheme: ShallowNetwork, law: Isotropic, weights: Float[Tensor, "times p s"], x0: Tensor, h: float
    ) -> None:
        self._scheme, self._law, self._weights, self._h = scheme, law, weights, h
        self._moments, self._features = [state_moments(x0)], [self._of_features(x0)]
        self._layer = 0
        self._sum = x0.new_zeros(weights.shape[1], len(x0), dtype=torch.float64)

    def _of_features(self, x: Tensor) -> Tensor:
        f = self._scheme.features(x).double()
        return inner_products(f) / f.shape[-1]

    def add(self, x: Float[Tensor, "r n d"]) -> None:
        """The states after the next layer."""
        self._moments.append(state_moments(x))
        self._features.append(self._of_features(x))
        if len(self._features) > LAYERS_OF_MARTINGALE_TOGETHER:
            self._settle()

    def value(self) -> Float[Tensor, "p r"]:
        """`M` after the layers so far."""
        self._settle()
        return self._sum

    def _settle(self) -> None:
        layers = len(self._moments) - 1
        if not layers:
            return
        y = torch.stack(self._moments)
        gram = torch.stack(self._features[:-1])
        change = expected_change(y[:-1], gram, self._scheme.phi, self._law, self._h)
        w = self._weights[self._layer + 1 : self._layer + layers + 1]
        increments = (y[1:] - y[:-1] - change).transpose(0, 1).flatten(1)
        self._sum = self._sum + (w.transpose(0, 1).flatten(1).unsqueeze(1) * increments).sum(dim=-1)
        self._layer += layers
        self._moments, self._features = self._moments[-1:], self._features[-1:]
