"""Convolutional blocks `x_p + phi(sum_k W_k x_{p+k} + b)` on a lattice of positions, without filters.

    W_k entries ~ N(0, sigma_w^2 h/(K D)) for each of K taps,    b ~ N(0, sigma_b^2 h), one for all positions
    v_pq = sigma_b^2 + sigma_w^2/K sum_k <x_{p+k}, x_{q+k}>/D

Given the states, the pre-activations of all positions and inputs are Gaussian, independent between channels, with
covariance `h v`: a root of a (P, P) matrix a layer, P = inputs x positions. Peluchetti & Favaro 2020 (arXiv
2007.03253).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Stencil:
    """The taps of a convolution on `rows x columns` positions: `size x size` of them, centred (one row: `1 x size`).

    Zero padding drops outside taps and keeps `1/K`. Positions of several inputs follow each other.
    """

    rows: int
    columns: int
    size: int
    padding: Literal["zero", "circular"] = "zero"
    inputs: int = 1

    @property
    def taps(self) -> int:
        """K."""
        return self.size if self.rows == 1 else self.size**2

    @property
    def positions(self) -> int:
        """P, over all inputs."""
        return self.inputs * self.rows * self.columns

    @cached_property
    def neighbours(self) -> Tensor:
        """(K, P) index of the position under each tap; P where it is outside."""
        half = self.size // 2
        shifts = range(-half, self.size - half)
        row, column = torch.meshgrid(torch.arange(self.rows), torch.arange(self.columns), indexing="ij")
        first = self.rows * self.columns * torch.arange(self.inputs)[:, None]
        neighbours = []
        for down in (0,) if self.rows == 1 else shifts:
            for right in shifts:
                r, c = row + down, column + right
                if self.padding == "circular":
                    r, c = r % self.rows, c % self.columns
                inside = (r >= 0) & (r < self.rows) & (c >= 0) & (c < self.columns)
                index = (r * self.columns + c).flatten()
                neighbours.append(torch.where(inside.flatten(), first + index, self.positions).flatten())
        return torch.stack(neighbours)

    def covariance(
        self, overlaps: Float[Tensor, "*b p p"], *, sigma_w: float, sigma_b: float
    ) -> Float[Tensor, "*b p p"]:
        """`v` from the overlaps `<x_p, x_q>/D`."""
        padded = torch.nn.functional.pad(overlaps, (0, 1, 0, 1))
        total = torch.zeros_like(overlaps)
        for tap in self.neighbours.to(overlaps.device):
            total += padded[..., tap, :][..., tap]
        return sigma_b**2 + sigma_w**2 / self.taps * total

    def generator(self) -> Any:
        """`A` with `(A L)_pq = 1/K sum_k L_{p+k, q+k}`: a sparse matrix (P P, P P) of scipy."""
        from scipy.sparse import coo_array

        P, rows, columns = self.positions, [], []
        for tap in self.neighbours:
            p, q = torch.meshgrid(tap, tap, indexing="ij")
            inside = ((p < P) & (q < P)).flatten()
            rows.append(torch.arange(P * P)[inside])
            columns.append((p * P + q).flatten()[inside])
        at = (torch.cat(rows).numpy(), torch.cat(columns).numpy())
        values = torch.full((len(at[0]),), 1 / self.taps, dtype=torch.float64).numpy()
        return coo_array((values, at), shape=(P * P, P * P)).tocsr()
