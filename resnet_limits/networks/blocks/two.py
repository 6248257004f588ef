"""`V phi(W x + b)`: two matrices, with a width of their own in between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...settings.keys import fixed, key
from ..activations import Activation
from .block import Block, BlockPasses, Segment, Vanishing, backwards

if TYPE_CHECKING:
    from torch import Tensor


class TwoBlockPasses(BlockPasses):
    """`x + h V phi(W s(x) + b)`, here with `s(x) = x`; `inner` keeps `phi(z)` or `z`."""

    hidden_of = "W"

    def seen(self, x: Tensor) -> Tensor:
        """`s(x)`, what W acts on; states in columns, (..., d, n)."""
        return x

    def add_pulled(self, g: Tensor, WT: Tensor, dz: Tensor, x: Tensor, out: Tensor) -> None:
        """`out = g + h s'(x)^T W^T dz`."""
        import torch

        torch.baddbmm(g, WT, dz, alpha=self.h, out=out)

    def advance(self, segment: Segment, theta: Mapping[str, Sequence[Tensor]]) -> None:
        import torch

        phi, h = self.phi, self.h
        scratch = torch.empty_like(segment.z[0])
        layers = zip(segment.x, segment.z, segment.x[1:], theta["V"], theta["W"], theta["b"], strict=False)
        for x, z, x_next, V, W, b in layers:
            torch.baddbmm(b, W, self.seen(x), out=z)
            a = z if phi.of_value else scratch
            phi.write(z, a)
            torch.baddbmm(x, V, a, alpha=h, out=x_next)

    def pull_back(
        self, segment: Segment, theta: Mapping[str, Sequence[Tensor]], g: Tensor, gradients: Mapping[str, Tensor]
    ) -> Tensor:
        import torch

        phi = self.phi
        costates, inner = torch.empty_like(segment.states), torch.empty_like(segment.inner)
        g_of = costates.unbind(0)
        g_of[-1].copy_(g)
        layers = backwards(g_of[:-1], g_of[1:], inner.unbind(0), segment.x[:-1], segment.z, theta["V^T"], theta["W^T"])
        for g_k, g_next, dz, x, z, VT, WT in layers:
            torch.bmm(VT, g_next, out=dz)
            phi.pull_back(dz, z, dz)
            self.add_pulled(g_next, WT, dz, x, g_k)
        if not phi.of_value:
            phi.write(segment.inner, segment.inner)
        self.outer(gradients["V"], costates[1:], segment.inner)
        self.outer(gradients["W"], inner, self.seen(segment.states[:-1]))
        self.sum(gradients["b"], inner)
        return g.copy_(g_of[0])


@dataclass
class TwoBlock(Block):
    """`V phi(W x + b)`."""

    name: str = fixed("two", "V phi(W x + b)")
    hidden: int = key(32, "width inside the block: rows of W, columns of V", low=1, high=65536)

    smooth = True
    outer = "V"
    norms = ("V", "W")
    still_without = "V"
    mean_field = Vanishing
    passes = TwoBlockPasses

    def shapes(self, width: int) -> dict[str, tuple[int, ...]]:
        return {"V": (width, self.hidden), "W": (self.hidden, width), "b": (self.hidden,)}

    def formula(self, phi: Activation, x: Tensor, theta: Mapping[str, Tensor]) -> Tensor:
        from ..affine import affine, linear

        return linear(phi(affine(x, theta["W"], theta["b"])), theta["V"])
