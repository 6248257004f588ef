"""Kernels that depend on two inputs through their overlap and mean squares alone, on blocks of pairs.

    K(z_1, z_2) = k(<z_1, z_2>/d, |z_1|^2/d, |z_2|^2/d)

All kernels of infinitely wide networks whose read-in `x_0 = A z`, `A_ij ~ N(0, 1/d)`, is random: the overlaps of `x_0`
are those of `z`, and its means over coordinates are 0.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor

TILE = 384
"""Rows and columns of the blocks computed at a time: their few intermediate results stay in the cache."""


def mean_square(z: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
    """`|z|^2/d` of each input, float64."""
    return torch.cat([part.double().square().mean(dim=1) for part in z.split(4096)]) if len(z) else z[:, 0].double()


class PairKernel(ABC):
    """A kernel as a function of blocks of overlaps; called with inputs, a function of blocks of inputs."""

    dtype: torch.dtype

    @abstractmethod
    def of_overlaps(
        self, overlaps: Float[Tensor, "#n #m"], rows: Float[Tensor, "#n #m"], columns: Float[Tensor, "#n #m"]
    ) -> Float[Tensor, "n m"]:
        """`k(overlap, q_1, q_2)` elementwise: `overlaps` (n, m) with mean squares `rows` (n, 1), `columns` (1, m), or
        single pairs (n, 1) with both (n, 1)."""

    def __call__(self, rows: Float[Tensor, "n d"], columns: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
        """The block `K(z_i, z'_j)`, tile by tile, in the kernel's dtype; of one and the same tensor, half of it."""
        block = torch.empty(len(rows), len(columns), dtype=self.dtype)
        for i, row_tile in enumerate(rows.split(TILE)):
            first = row_tile.to(self.dtype)
            q = first.square().mean(dim=1)[:, None]
            for j, others in enumerate(columns.split(TILE)):
                if rows is columns and j > i:
                    break
                second = others.to(self.dtype)
                overlaps = first @ second.T / rows.shape[1]
                tile = self.of_overlaps(overlaps, q, second.square().mean(dim=1)[None])
                here, there = (slice(k * TILE, k * TILE + len(tile)) for k, tile in ((i, first), (j, second)))
                block[here, there] = tile
                if rows is columns and j < i:
                    block[there, here] = tile.T
        return block

    def diagonal(self, z: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """`K(z_i, z_i)`."""
        q = mean_square(z).to(self.dtype)[:, None]
        return self.of_overlaps(q, q, q)[:, 0]
