"""`k(x, y) = f(x) . f(y)`, `f(x) = (a(x), 1)`: the kernel of a layer `q + W a(q) + b`, in feature space.

    omega = P^T f(q)                          (d, d + 1), the velocity weight [W b]
    dH/dP = f(q) omega^T,   -dH/dq = -a'(q) * (P W),   H = |omega|^2 / 2

in O(n d^2) operations: no n x n matrix appears. Source: Owhadi 2020, arXiv 2008.03920.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ...errors import SettingError, one_of
from ...networks.activations import ACTIVATIONS
from .kernel import At, Kernel

Function = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Activation:
    """An elementwise function with its first two derivatives."""

    value: Function
    slope: Function
    curvature: Function


def _tanh_slope(z: Tensor) -> Tensor:
    return 1 - torch.tanh(z).square()


def _tanh_curvature(z: Tensor) -> Tensor:
    a = torch.tanh(z)
    return 2 * a * (a * a - 1)


def _swish_slope(z: Tensor) -> Tensor:
    s = torch.sigmoid(z)
    return s * (1 + z * (1 - s))


def _swish_curvature(z: Tensor) -> Tensor:
    s = torch.sigmoid(z)
    return s * (1 - s) * (2 + z * (1 - 2 * s))


def _density(z: Tensor) -> Tensor:
    return torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi)


DERIVATIVES: dict[str, tuple[Function, Function]] = {
    "tanh": (_tanh_slope, _tanh_curvature),
    "swish": (_swish_slope, _swish_curvature),
    "gelu": (lambda z: torch.special.ndtr(z) + z * _density(z), lambda z: _density(z) * (2 - z.square())),
    "relu": (lambda z: (z > 0).to(z), torch.zeros_like),
    "identity": (torch.ones_like, torch.zeros_like),
}


def activation(name: str) -> Activation:
    """The activation of this name with its derivatives. Raises `SettingError` with the valid names."""
    if name not in DERIVATIVES:
        raise SettingError(f"activation: unknown value {one_of(name, DERIVATIVES)}")
    return Activation(ACTIVATIONS[name], *DERIVATIVES[name])


@dataclass(frozen=True)
class Features(Kernel):
    """The kernel of the features `(a(x), 1)`, or `a(x)` without a bias."""

    activation: Activation
    bias: bool = True

    def at(self, q: Float[Tensor, "n d"]) -> FeaturesAt:
        return FeaturesAt(self, q)

    def of(self, x: Float[Tensor, "*b n d"]) -> Float[Tensor, "*b n f"]:
        """`f(x)`."""
        a = self.activation.value(x)
        return torch.cat([a, a.new_ones(*a.shape[:-1], 1)], dim=-1) if self.bias else a

    def field(self, x: Float[Tensor, "m d"], q: Float[Tensor, "n d"], P: Float[Tensor, "n k"]) -> Float[Tensor, "m k"]:
        return self.of(x) @ (self.of(q).mT @ P)


class FeaturesAt(At):
    """The features at points `q`."""

    def __init__(self, kernel: Features, q: Tensor) -> None:
        self.kernel, self.q, self.d = kernel, q, q.shape[-1]
        self.f = kernel.of(q)
        self._slope: Tensor | None = None

    @property
    def slope(self) -> Tensor:
        """`a'(q)`."""
        if self._slope is None:
            self._slope = self.kernel.activation.slope(self.q)
        return self._slope

    def weights(self, P: Tensor) -> Tensor:
        """`omega = P^T f(q)`."""
        return P.mT @ self.f

    def velocity(self, P: Tensor) -> Tensor:
        return self.f @ self.weights(P).mT

    def rate(self, P: Tensor) -> Tensor:
        return -self.slope * (P @ self.weights(P)[..., : self.d])

    def both(self, P: Tensor) -> tuple[Tensor, Tensor]:
        omega = self.weights(P)
        return self.f @ omega.mT, -self.slope * (P @ omega[..., : self.d])

    def energy(self, P: Tensor) -> Tensor:
        return self.weights(P).square().sum() / 2

    def tangent(
        self, P: Tensor, u: Tensor, v: Tensor
    ) -> tuple[Tensor, Tensor]:
        d, omega = self.d, self.weights(P)
        W, da = omega[:, :d], self.slope * u
        d_omega = v.mT @ self.f
        d_omega[..., :d] += P.mT @ da
        d_velocity = self.f @ d_omega.mT + da @ W.mT
        pull = self.kernel.activation.curvature(self.q) * (P @ W)
        return d_velocity, -(u * pull + self.slope * (v @ W + P @ d_omega[..., :d]))

    def root(self) -> Tensor:
        return self.f
