"""Rough weights: the values of a fractional Brownian path, continuous in time but nowhere smooth."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from .fractional import CELLS_OF_GRID, brownian_pieces, refuse_beyond_grid
from .path import Draw, checked


@dataclass(frozen=True)
class RoughPath:
    """`theta(t)`, linear between its values on a grid; values: (R, G + 1, *shape) at `k horizon / G`, k = 0..G."""

    values: Float[Tensor, "R grid *shape"]
    horizon: float

    def at(self, times: Float[Tensor, " *times"]) -> Float[Tensor, "R n *shape"]:
        cells = self.values.shape[1] - 1
        position = checked(times, self.horizon).to(self.values.device).double() * (cells / self.horizon)
        cell = position.long().clamp(0, cells - 1)
        fraction = (position - cell).to(self.values.dtype).view(-1, *(1,) * (self.values.ndim - 2))
        return torch.lerp(self.values[:, cell], self.values[:, cell + 1], fraction)


def rough_path(hurst: float, draw: Draw) -> RoughPath:
    """`theta(t) = sigma (xi + B^H(t / T))`, xi standard normal: covariance `sigma^2 (1 + Cov B^H(s/T, t/T))`.

    The start xi makes the weights O(1) at all times: the variance grows from `sigma^2` to `2 sigma^2` as
    `sigma^2 (1 + (t/T)^2H)`. `B^H` is drawn on a grid of 4096 cells, the same for every depth, and is linear in
    between: rough down to that scale, so an order `min(1, H + 1/2)` is seen at depths well below 4096.
    Memory: 4097 numbers an entry and replica. Raises `SettingError` for a depth beyond the grid.
    """
    refuse_beyond_grid("rough", draw.depth)
    start = draw.normals(draw.shape, layer=1)  # layer 0 of the stream is the noise of the path
    values = torch.empty(draw.replicas, CELLS_OF_GRID + 1, math.prod(draw.shape), dtype=draw.dtype)
    for rows, columns, brownian in brownian_pieces(hurst, draw):
        values[rows, :, columns] = brownian.transpose(1, 2)
    values = values.unflatten(2, draw.shape).to(draw.device).add_(start[:, None]).mul_(draw.sigma)
    return RoughPath(values, draw.horizon)
