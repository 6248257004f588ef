"""`V phi(W x/rms(x) + b)`, `rms(x)^2 = |x|^2/d`: two matrices that see the direction of the state alone.

    n = x/rms(x),    dn/dx = (1 - n n^T/d)/rms(x)

As steep as `1/rms(x)` next to 0, where `n` jumps: no Lipschitz constant. In more than one dimension a path passes by 0
with probability 1 (its field is smooth there); on a line it goes through it, and `n` is the sign.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...settings.keys import fixed, key
from ..activations import Activation
from .block import Block, Passes, Segment, Vanishing, backwards

if TYPE_CHECKING:
    from torch import Tensor


def rms(x: Tensor, dim: int = -1) -> Tensor:
    """Root of the mean of the squares over the coordinates `dim`, which stays; never 0, so that the zero state stays
    zero when divided by it."""
    import torch

    return x.square().mean(dim=dim, keepdim=True).sqrt().clamp(min=torch.finfo(x.dtype).tiny)


class PrenormPasses(Passes):
    """`x + h V phi(W n + b)`; `inner` keeps `phi(z)` or `z`, and `n` is made of the states again on the way back."""

    hidden_of = "W"

    def advance(self, segment: Segment, theta: Mapping[str, Sequence[Tensor]]) -> None:
        import torch

        phi, h = self.phi, self.h
        scratch = torch.empty_like(segment.z[0])
        layers = zip(segment.x, segment.z, segment.x[1:], theta["V"], theta["W"], theta["b"], strict=False)
        for x, z, x_next, V, W, b in layers:
            torch.baddbmm(b, W, x / rms(x, dim=-2), out=z)
            a = z if phi.of_value else scratch
            phi.write(z, a)
            torch.baddbmm(x, V, a, alpha=h, out=x_next)

    def pull_back(
        self, segment: Segment, theta: Mapping[str, Sequence[Tensor]], g: Tensor, gradients: Mapping[str, Tensor]
    ) -> Tensor:
        import torch

        phi, h = self.phi, self.h
        costates, inner = torch.empty_like(segment.states), torch.empty_like(segment.inner)
        sizes = rms(segment.states[:-1], dim=-2)
        directions = segment.states[:-1] / sizes
        g_of = costates.unbind(0)
        g_of[-1].copy_(g)
        layers = backwards(
            g_of[:-1],
            g_of[1:],
            inner.unbind(0),
            segment.z,
            directions.unbind(0),
            sizes.unbind(0),
            theta["V^T"],
            theta["W^T"],
        )
        for g_k, g_next, dz, z, n, size, VT, WT in layers:
            torch.bmm(VT, g_next, out=dz)
            phi.pull_back(dz, z, dz)
            dn = torch.bmm(WT, dz)
            dn.sub_(n * (n * dn).mean(dim=-2, keepdim=True)).div_(size)
            torch.add(g_next, dn, alpha=h, out=g_k)
        if not phi.of_value:
            phi.write(segment.inner, segment.inner)
        self.outer(gradients["V"], costates[1:], segment.inner)
        self.outer(gradients["W"], inner, directions)
        self.sum(gradients["b"], inner)
        return g.copy_(g_of[0])


@dataclass
class Prenorm(Block):
    """`V phi(W x/rms(x) + b)`."""

    name: str = fixed("prenorm", "V phi(W x/rms(x) + b), rms(x)^2 = |x|^2/d")
    hidden: int = key(32, "width inside the block: rows of W, columns of V", low=1, high=65536)

    smooth = True
    outer = "V"
    still_without = "V"
    mean_field = Vanishing
    passes = PrenormPasses

    def shapes(self, width: int) -> dict[str, tuple[int, ...]]:
        return {"V": (width, self.hidden), "W": (self.hidden, width), "b": (self.hidden,)}

    def formula(self, phi: Activation, x: Tensor, theta: Mapping[str, Tensor]) -> Tensor:
        from ..affine import affine, linear

        return linear(phi(affine(x / rms(x), theta["W"], theta["b"])), theta["V"])

    def rough(self, width: int) -> str | None:
        if width == 1:
            return "block=prenorm, width=1: x/rms(x) is the sign of x, which jumps where a state passes 0"
        return super().rough(width)

    def without_bound(self) -> str | None:
        return "block=prenorm: x/rms(x) is as steep as 1/rms(x), and no Lipschitz bound of its field is known"
