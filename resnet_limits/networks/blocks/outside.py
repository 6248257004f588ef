"""`W phi(x) + b`: one matrix, the activation inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...settings.keys import fixed
from ..activations import Activation
from .block import Block, BlockPasses, Segment, Vanishing, backwards

if TYPE_CHECKING:
    from torch import Tensor


class OutsideBlockPasses(BlockPasses):
    """`x + h (W phi(x) + b)`; `inner` keeps `phi(x)`, and on the way back `states` become the `g_k`."""

    hidden_of = "b"

    def advance(self, segment: Segment, theta: Mapping[str, Sequence[Tensor]]) -> None:
        import torch

        phi, h = self.phi, self.h
        for x, a, x_next, W, b in zip(segment.x, segment.z, segment.x[1:], theta["W"], theta["b"], strict=False):
            phi.write(x, a)
            torch.add(x, b, alpha=h, out=x_next)
            x_next.baddbmm_(W, a, alpha=h)

    def pull_back(
        self, segment: Segment, theta: Mapping[str, Sequence[Tensor]], g: Tensor, gradients: Mapping[str, Tensor]
    ) -> Tensor:
        import torch

        phi, h = self.phi, self.h
        scratch = torch.empty_like(g)
        segment.x[-1].copy_(g)
        for x, a, g_next, WT in backwards(segment.x[:-1], segment.z, segment.x[1:], theta["W^T"]):
            torch.bmm(WT, g_next, out=scratch)
            phi.pull_back(scratch, a if phi.of_value else x, scratch)
            torch.add(g_next, scratch, alpha=h, out=x)
        self.outer(gradients["W"], segment.states[1:], segment.inner)
        self.sum(gradients["b"], segment.states[1:])
        return g.copy_(segment.x[0])


@dataclass
class OutsideBlock(Block):
    """`W phi(x) + b`."""

    name: str = fixed("outside", "W phi(x) + b")

    smooth = True
    outer = "W"
    norms = ("W",)
    mean_field = Vanishing
    passes = OutsideBlockPasses

    def shapes(self, width: int) -> dict[str, tuple[int, ...]]:
        return {"W": (width, width), "b": (width,)}

    def formula(self, phi: Activation, x: Tensor, theta: Mapping[str, Tensor]) -> Tensor:
        from ..affine import affine

        return affine(phi(x), theta["W"], theta["b"])
