"""Jacobians of the blocks of a residual network, of all blocks at all points in one batched call.

    D block_k(x) = I + h Dv_k(x)        of an Euler step; of other steps the derivative of the whole step

A block folds space at x where `det D block_k(x) <= 0`. The sign of the determinant of the whole network is the product
of these signs: two folds cancel in it, so folds are looked for block by block.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import jvp, vmap

from ..networks.steps.step import Field, Step


def jacobians_at(
    field: Field, step: Step, x: Float[Tensor, "layers r n d"], weights: Mapping[str, Tensor], h: float
) -> Float[Tensor, "layers r n d d"]:
    """`D block_k(x_k)` at points `x_k` of each block k, network and point: the states of a trajectory, or any others.

    `weights[name]` is `(r, sets, *shape)`. The blocks stand side by side as networks of one block, and `d` directions
    are pushed through all of them at once: one call, whatever the depth and the number of points.
    """
    layers, r, n, d = x.shape
    sets = torch.tensor([step.sets(k) for k in range(layers)], device=x.device)  # (layers, sets a block)
    thetas = [
        {name: w.transpose(0, 1)[sets[:, i]].flatten(0, 1) for name, w in weights.items()} for i in range(sets.shape[1])
    ]
    points = x.reshape(layers * r, n, d).contiguous()

    def pushed(direction: Tensor) -> Tensor:
        along = direction.expand_as(points).contiguous()
        return jvp(lambda y: step.advance(field, y, h, thetas), (points,), (along,))[1]

    columns = vmap(pushed)(torch.eye(d, dtype=x.dtype, device=x.device))  # (d, layers r, n, d)
    return columns.movedim(0, -1).unflatten(0, (layers, r))


def block_determinants(increments: Float[Tensor, "*batch d d"]) -> Float[Tensor, "*batch"]:
    """`det(I + A)` of the derivatives `A` of what blocks add; of the plane `1 + tr A + det A`, directly."""
    if increments.shape[-1] == 2:
        a, b, c, d = increments.flatten(-2).unbind(-1)
        return 1 + (a + d) + (a * d - b * c)
    return torch.linalg.det(increments + torch.eye(increments.shape[-1]).to(increments))


def fold_fraction(determinants: Tensor) -> float:
    """The fraction of block determinants that are not positive; one that is no number is none."""
    return float((~(determinants > 0)).double().mean())


def increments_of(jacobians: Float[Tensor, "*batch d d"]) -> Float[Tensor, "*batch d d"]:
    """`D block - I`: the derivative of what a block adds."""
    return jacobians - torch.eye(jacobians.shape[-1]).to(jacobians)
