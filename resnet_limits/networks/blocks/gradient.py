"""`K^T phi(K x + b)`: the gradient of `sum_i Phi((K x + b)_i)`, `Phi' = phi`, convex where phi increases.

The field of Hamiltonian blocks (`steps/symplectic.py`), and of gradient descent with steps `-h`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...settings.keys import fixed, key
from ..activations import Activation
from .block import Block, MeanField

if TYPE_CHECKING:
    from torch import Tensor

VARIANCE_FLOOR_OF_SLOPES = 1e-24
"""Variance at least: below, `E phi'(z)` no longer changes, and its quotients would be 0/0."""


class GradientMean(MeanField):
    """`E f(x) = (m/d) sigma_w^2 E phi'(z) x`, `z ~ N(0, v)`, `v = sigma_b^2 + sigma_w^2 |x|^2/d`.

    By Stein's lemma: `E K_ji phi(z_j) = Cov(K_ji, z_j) E phi'(z_j)`, `Cov(K_ji, z_j) = sigma_w^2 x_i/d`, for each of m
    rows.
    """

    def _per_unit(self, x: Tensor) -> Tensor:
        (rows, width) = self.block.shapes(x.shape[-1])["K"]
        v = self.sigma_b**2 + self.sigma_w**2 * x.square().mean(dim=-1, keepdim=True)
        from ..gaussian_means import gaussian_mean_slope

        return (
            rows / width * self.sigma_w**2 * gaussian_mean_slope(self.activation, v.clamp(min=VARIANCE_FLOOR_OF_SLOPES))
        )

    def __call__(self, x: Tensor) -> Tensor:
        return self._per_unit(x) * x

    def derivative(self, x: Tensor, u: Tensor) -> Tensor:
        """By autograd, twice: the product `J u` is the derivative of `<J^T w, u>` by w."""
        import torch

        with torch.enable_grad():
            at = x.detach().expand_as(u).clone().requires_grad_()
            w = torch.zeros_like(u, requires_grad=True)
            (pulled,) = torch.autograd.grad(self(at), at, w, create_graph=True)
            (product,) = torch.autograd.grad(pulled, w, u)
        return product


@dataclass
class GradientBlock(Block):
    """`K^T phi(K x + b)`."""

    name: str = fixed("gradient", "K^T phi(K x + b), the gradient of a function")
    hidden: int = key(32, "width inside the block: rows of K", low=1, high=65536)

    smooth = True
    norms = ("K", "K")
    still_without = "K"
    monotone = True
    mean_field = GradientMean

    def shapes(self, width: int) -> dict[str, tuple[int, ...]]:
        return {"K": (self.hidden, width), "b": (self.hidden,)}

    def formula(self, phi: Activation, x: Tensor, theta: Mapping[str, Tensor]) -> Tensor:
        from ..affine import affine, linear

        return linear(phi(affine(x, theta["K"], theta["b"])), theta["K"].mT)
