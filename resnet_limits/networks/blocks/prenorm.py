"""`V phi(W x/rms(x) + b)`, `rms(x)^2 = |x|^2/d`: two matrices that see the direction of the state alone.

    n = x/rms(x),    dn/dx = (1 - n n^T/d)/rms(x)

As steep as `1/rms(x)` next to 0, where `n` jumps: no Lipschitz constant. In more than one dimension a path passes by 0
with probability 1 (its field is smooth there); on a line it goes through it, and `n` is the sign.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...settings.keys import fixed, key
from ..activations import Activation
from .block import Block, Vanishing
from .two import TwoBlockPasses

if TYPE_CHECKING:
    from torch import Tensor


def rms(x: Tensor, dim: int = -1) -> Tensor:
    """Root of the mean of the squares over the coordinates `dim`, which stays; never 0, so that the zero state stays
    zero when divided by it."""
    import torch

    return x.square().mean(dim=dim, keepdim=True).sqrt().clamp(min=torch.finfo(x.dtype).tiny)


class PrenormPasses(TwoBlockPasses):
    """`x + h V phi(W n + b)`."""

    def seen(self, x: Tensor) -> Tensor:
        return x / rms(x, dim=-2)

    def add_pulled(self, g: Tensor, WT: Tensor, dz: Tensor, x: Tensor, out: Tensor) -> None:
        import torch

        size = rms(x, dim=-2)
        n, dn = x / size, torch.bmm(WT, dz)
        dn.sub_(n * (n * dn).mean(dim=-2, keepdim=True)).div_(size)
        torch.add(g, dn, alpha=self.h, out=out)


@dataclass
class PrenormBlock(Block):
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
