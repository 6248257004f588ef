"""`k(x, y) = f(x) . f(y)`, `f(x) = (a(x), 1)`: the kernel of a layer `q + W a(q) + b`, in feature space.

    omega = P^T f(q)                          (d, d + 1), the velocity weight [W b]
    dH/dP = f(q) omega^T,   -dH/dq = -a'(q) * (P W),   H = |omega|^2 / 2

in O(n d^2) operations: no n x n matrix appears. Where points are fewer than features the same sums are taken the other
way, by the n x n matrices `f f^T` and `P P^T`. Source: Owhadi 2020, arXiv 2008.03920.
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


Derivative = Callable[[Tensor, Tensor], Tensor]
"""`(z, a(z)) -> a'(z)` or `a''(z)`: the value is at hand, and costs more than what follows from it."""


@dataclass(frozen=True)
class Activation:
    """An elementwise function with its first two derivatives, given its argument and its value."""

    value: Function
    slope: Derivative
    curvature: Derivative


def _swish_slope(z: Tensor, a: Tensor) -> Tensor:
    s = torch.sigmoid(z)
    return s + a * (1 - s)


def _swish_curvature(z: Tensor, a: Tensor) -> Tensor:
    s = torch.sigmoid(z)
    return s * (1 - s) * (2 + z * (1 - 2 * s))


def _density(z: Tensor) -> Tensor:
    return torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi)


DERIVATIVES: dict[str, tuple[Derivative, Derivative]] = {
    "tanh": (lambda z, a: 1 - a * a, lambda z, a: 2 * a * (a * a - 1)),
    "swish": (_swish_slope, _swish_curvature),
    "gelu": (lambda z, a: torch.special.ndtr(z) + z * _density(z), lambda z, a: _density(z) * (2 - z.square())),
    "relu": (lambda z, a: (z > 0).to(z), lambda z, a: torch.zeros_like(z)),
    "identity": (lambda z, a: torch.ones_like(z), lambda z, a: torch.zeros_like(z)),
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
        self._gram: Tensor | None = None
        self._pairs: tuple[Tensor, Tensor] | None = None

    @property
    def slope(self) -> Tensor:
        """`a'(q)`."""
        if self._slope is None:
            self._slope = self.kernel.activation.slope(self.q, self.a)
        return self._slope

    def weights(self, P: Tensor) -> Tensor:
        """`omega = P^T f(q)`."""
        return P.mT @ self.f

    @property
    def many(self) -> bool:
        """Whether features are more than points."""
        return self.d > len(self.q)

    @property
    def gram(self) -> Tensor:
        """`f f^T`, where points are few."""
        if self._gram is None:
            self._gram = self.f @ self.f.mT
        return self._gram

    def pairs(self, P: Tensor) -> Tensor:
        """`P P^T`, the last one kept."""
        if self._pairs is None or self._pairs[0] is not P:
            self._pairs = P, P @ P.mT
        return self._pairs[1]

    @property
    def a(self) -> Tensor:
        return self.f[..., : self.d]

    def velocity(self, P: Tensor) -> Tensor:
        return self.gram @ P if self.many else self.f @ self.weights(P).mT

    def rate(self, P: Tensor) -> Tensor:
        return -self.slope * (self.pairs(P) @ self.a if self.many else P @ self.weights(P)[..., : self.d])

    def both(self, P: Tensor) -> tuple[Tensor, Tensor]:
        if self.many:
            return self.velocity(P), self.rate(P)
        omega = self.weights(P)
        return self.f @ omega.mT, -self.slope * (P @ omega[..., : self.d])

    def energy(self, P: Tensor) -> Tensor:
        return (P * self.velocity(P)).sum() / 2 if self.many else self.weights(P).square().sum() / 2

    def tangent(self, P: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        d, da, curvature = self.d, self.slope * u, self.kernel.activation.curvature(self.q, self.a)
        if self.many:
            a, S, product = self.a, self.pairs(P), self.a @ da.mT
            dS = v @ P.mT
            d_velocity = self.gram @ v + (product + product.mT) @ P
            return d_velocity, -(u * (curvature * (S @ a)) + self.slope * ((dS + dS.mT) @ a + S @ da))
        omega = self.weights(P)
        W = omega[:, :d]
        d_omega = v.mT @ self.f
        d_omega[..., :d] += P.mT @ da
        d_velocity = self.f @ d_omega.mT + da @ W.mT
        return d_velocity, -(u * (curvature * (P @ W)) + self.slope * (v @ W + P @ d_omega[..., :d]))

    def root(self) -> Tensor:
        return self.f
