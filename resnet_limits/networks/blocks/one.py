"""`phi(W x + b)`: one matrix, the activation outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...settings.keys import fixed
from ..activations import Activation
from .block import Block, BlockPasses, MeanField, Segment, backwards

if TYPE_CHECKING:
    from torch import Tensor

VARIANCE_FLOOR_OF_ROOT = 1e-24
"""Variance below which the derivative of its square root is cut off: it is multiplied by a zero of the same order."""


class OneMean(MeanField):
    """`E f(x)_i = m(v) = E phi(z)`, `z ~ N(0, v)`, `v = sigma_b^2 + sigma_w^2 |x|^2/d`: all coordinates of `W x + b`
    have this law. Zero for odd `phi`."""

    def variance(self, x: Tensor) -> Tensor:
        """`v(x)`, (r, n)."""
        return self.sigma_b**2 + self.sigma_w**2 * x.square().mean(dim=-1)

    def __call__(self, x: Tensor) -> Tensor:
        from ..gaussian_means import gaussian_mean

        return gaussian_mean(self.activation, self.variance(x)).unsqueeze(-1).expand_as(x)

    def scatter(self, x: Tensor) -> Tensor:
        """`Var f(x)_i = E phi(z)^2 - (E phi(z))^2`, (r, n): of every coordinate, which are independent."""
        from ..gaussian_means import gaussian_mean, gaussian_mean_square

        v = self.variance(x)
        return gaussian_mean_square(self.activation, v) - gaussian_mean(self.activation, v).square()

    def derivative(self, x: Tensor, u: Tensor) -> Tensor:
        """`m'(v) (2 sigma_w^2 / d) <x, u> 1`."""
        import torch

        from ..gaussian_means import gaussian_mean

        with torch.enable_grad():
            v = self.variance(x).detach().clamp(min=VARIANCE_FLOOR_OF_ROOT).requires_grad_()
            (slope,) = torch.autograd.grad(gaussian_mean(self.activation, v).sum(), v)
        dv = 2 * self.sigma_w**2 * (x * u).mean(dim=-1)
        return (slope * dv).unsqueeze(-1).expand_as(u)


class OneBlockPasses(BlockPasses):
    """`x + h phi(W x + b)`; `inner` keeps `phi(z)` or `z`, and on the way back `phi'(z) g`."""

    hidden_of = "W"

    def advance(self, segment: Segment, theta: Mapping[str, Sequence[Tensor]]) -> None:
        import torch

        phi, h = self.phi, self.h
        scratch = torch.empty_like(segment.z[0])
        for x, z, x_next, W, b in zip(segment.x, segment.z, segment.x[1:], theta["W"], theta["b"], strict=False):
            torch.baddbmm(b, W, x, out=z)
            a = z if phi.of_value else scratch
            phi.write(z, a)
            torch.add(x, a, alpha=h, out=x_next)

    def pull_back(
        self, segment: Segment, theta: Mapping[str, Sequence[Tensor]], g: Tensor, gradients: Mapping[str, Tensor]
    ) -> Tensor:
        phi, h = self.phi, self.h
        for z, WT in backwards(segment.z, theta["W^T"]):
            phi.pull_back(g, z, z)
            g.baddbmm_(WT, z, alpha=h)
        self.outer(gradients["W"], segment.inner, segment.states[:-1])
        self.sum(gradients["b"], segment.inner)
        return g


@dataclass
class OneBlock(Block):
    """`phi(W x + b)`."""

    name: str = fixed("one", "phi(W x + b)")

    smooth = True
    outer = "W"
    norms = ("W",)
    mean_field = OneMean
    passes = OneBlockPasses

    def shapes(self, width: int) -> dict[str, tuple[int, ...]]:
        return {"W": (width, width), "b": (width,)}

    def formula(self, phi: Activation, x: Tensor, theta: Mapping[str, Tensor]) -> Tensor:
        from ..affine import affine

        return phi(affine(x, theta["W"], theta["b"]))
