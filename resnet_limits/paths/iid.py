"""Weights that are independent from layer to layer."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from .path import Draw, checked

TIMES_APART = 2**20
"""Times of [0, horizon] that are told apart. More than the greatest depth, so that layers never share a draw."""


@dataclass(frozen=True)
class IidPath:
    """`theta(t) = sigma xi_c`, c the nearest of 2^20 cells of [0, horizon] to t, `xi_c` independent.

    Independent `N(0, sigma^2)` at every time; with blocks of size h the limit is `x' = E f`.
    Nothing is kept: the numbers of a cell are a function of the seed and the cell, drawn when they are read.
    Networks of depth L and 2L therefore share the weights at their common times.
    """

    draw: Draw

    def at(self, times: Float[Tensor, " *times"]) -> Float[Tensor, "R n *shape"]:
        cells = (checked(times, self.draw.horizon).double() * (TIMES_APART / self.draw.horizon)).round().long().tolist()
        draw = self.draw
        values = torch.empty(draw.replicas, len(cells), *draw.shape, dtype=draw.dtype, device=draw.device)
        for i, cell in enumerate(cells):
            # max: a time may lie a rounding below 0.
            values[:, i] = draw.normals(draw.shape, layer=max(cell, 0))
        return values.mul_(draw.sigma)
