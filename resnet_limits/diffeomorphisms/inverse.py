"""The inverse of a residual network whose blocks are diffeomorphisms, block by block.

    block_k(x) = x + g_k(x),   Lip(g_k) < 1:        x <- y - g_k(x) converges to the x with block_k(x) = y

The error falls by `Lip(g_k)` an iteration (Banach). It is exact to rounding, unlike the steps run backwards
(`residual.reverse`), whose error is that of the scheme.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import MeasurementError
from ..networks.residual import blocks_of
from ..networks.steps.step import Field, Step


class NotInverted(MeasurementError):
    """The fixed-point iteration of a block did not converge: the block need not be one to one."""


@torch.no_grad()
def invert(
    field: Field,
    step: Step,
    y: Float[Tensor, "r n d"],
    weights: Mapping[str, Tensor],
    h: float,
    *,
    tolerance: float = 1e-13,
    iterations: int = 2000,
) -> Float[Tensor, "layers r n d"]:
    """The states `x_0, ..., x_L` of the network that ends in `y`.

    Raises `NotInverted`, naming the block, where the iteration does not reach `tolerance`, relative to the points.
    """
    blocks = blocks_of(step, weights)
    trajectory = [y]
    for k in reversed(range(len(blocks))):
        x = y = trajectory[-1]
        enough = tolerance * float(y.abs().max().clamp(min=1))
        change = float("inf")
        for _ in range(iterations):
            following = y - (step.advance(field, x, h, blocks[k]) - x)
            change = float((following - x).abs().max())
            x = following
            if not change > enough:
                break
        if not change <= enough:
            raise NotInverted(
                f"block {k} of {len(blocks)}: the fixed-point iteration of its inverse still moves by {change:.1e}"
                f" after {iterations} iterations; its Lipschitz constant is not below 1"
            )
        trajectory.append(x)
    return torch.stack(trajectory[::-1])
