"""A nugget: `Gamma(q, q) + r I` at the points that are trained, `Gamma` at all others.

    H = 1/2 P^T (Gamma(q, q) + r) P,    q' = (Gamma(q, q) + r) P,    x' = Gamma(x, q) P at new points x

It is the limit of layers that need not take the training points where their field does,

    q_{s+1} = q_s + w_s f(q_s) + e_s,   min nu/2 L sum_s (|w_s|^2 + |e_s|^2 / r) + loss(q_L)

with a displacement `e` of each point of its own: of a layer that moves them by `d` the penalty is, at its least over
both, `d^T (Gamma + r)^-1 d`, and what the field leaves of it `e = r P / L`. Source: Owhadi 2020, arXiv 2008.03920.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from .kernels.features import FeaturesAt, FeaturesKernel


@dataclass(frozen=True)
class NuggetKernel(FeaturesKernel):
    """Features of an activation, and the variance `r` of what each training point moves by itself. `matrix` and `field`
    are those of `Gamma`: what two points share."""

    r: float = 1.0

    def at(self, q: Float[Tensor, "n d"]) -> NuggetAt:
        return NuggetAt(self, q)

    def as_root(self, f: Float[Tensor, "*b n f"]) -> Float[Tensor, "*b n m"]:
        """`(f(q), sqrt(r) I)`: a weight for each feature, then one for each point."""
        single = torch.eye(f.shape[-2], dtype=f.dtype).mul_(self.r**0.5)
        return torch.cat([f, single.expand(*f.shape[:-1], -1)], dim=-1)

    def of_others(self) -> FeaturesKernel:
        return FeaturesKernel(self.activation, self.bias)

    def taps_of(self, omega: Tensor) -> Tensor:
        return omega[..., : omega.shape[-2]]


class NuggetAt(FeaturesAt):
    """The kernel with its nugget at training points `q`."""

    def __init__(self, kernel: NuggetKernel, q: Tensor) -> None:
        super().__init__(kernel, q)
        self.r = kernel.r

    def velocity(self, P: Tensor) -> Tensor:
        return super().velocity(P) + self.r * P

    def energy(self, P: Tensor) -> Tensor:
        return (P * self.velocity(P)).sum() / 2

    def tangent(self, P: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        d_velocity, d_rate = super().tangent(P, u, v)
        return d_velocity + self.r * v, d_rate

    def tangent_of_momenta(self, P: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        d_velocity, d_rate = super().tangent_of_momenta(P, v)
        return d_velocity + self.r * v, d_rate

    def root(self) -> Tensor:
        return self.kernel.as_root(self.f)
