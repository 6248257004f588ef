"""`int_0^1 tr q'^T Gamma(q, q)^{-1} q' dt` of a path between given ends: the least cost of a control that follows it.

    q(t) = q_0 + t (y - q_0) + sum_k c_k B_k(t),     B_k(t) = int_0^t sqrt(2k + 1) P_k(2s - 1) ds,   k = 1 .. K

`P_k` are Legendre's polynomials: the `B_k` vanish at both ends, their derivatives are orthonormal. Of all velocity
fields that move points along `q` the one of least norm is `Gamma(., q) p`, `Gamma(q, q) p = q'`, so the coefficients
(K, n, d) run through all controls whose paths end in `y`, up to the degree; no momentum and no flow occurs. Integrals
are Gauss's. Along a geodesic the path energy is `2 H`, `H` the energy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy.polynomial import legendre
from torch import Tensor

NODES_A_DEGREE = 3
"""Nodes of the quadrature for each of the degrees."""


@dataclass(frozen=True)
class PathEnergy:
    """The path energy of paths from `start` to `end` (n, d), of so many coefficients.

    `gram` is `Gamma(q, q)` of points (*b, n, d), (*b, n, n), which torch can differentiate twice.
    """

    gram: Callable[[Tensor], Tensor]
    start: Float[Tensor, "n d"]
    end: Float[Tensor, "n d"]
    degree: int

    @property
    def unknowns(self) -> int:
        """Numbers in the coefficients."""
        return self.degree * self.start.numel()

    def path(self, c: Float[Tensor, " m"], t: Float[np.ndarray, " k"]) -> tuple[Tensor, Tensor]:
        """`q` and `q'` at these times, (k, n, d) each."""
        bends, slopes = (torch.from_numpy(of) for of in _basis(self.degree, t))
        c, along = c.reshape(self.degree, *self.start.shape), self.end - self.start
        q = self.start + torch.from_numpy(t)[:, None, None] * along + torch.tensordot(bends, c, dims=1)
        return q, along + torch.tensordot(slopes, c, dims=1)

    def __call__(self, c: Float[Tensor, " m"]) -> Tensor:
        """The path energy, a scalar of the flat coefficients."""
        nodes, weights = legendre.leggauss(NODES_A_DEGREE * self.degree)
        q, velocity = self.path(c, (nodes + 1) / 2)
        costs = (velocity * torch.linalg.solve(self.gram(q), velocity)).sum((1, 2))
        return costs @ torch.from_numpy(weights / 2)


def _basis(degree: int, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`B_k` and their derivatives, (k, degree) each."""
    P = legendre.legvander(2 * t - 1, degree + 1)
    scale = np.sqrt(2 * np.arange(1, degree + 1) + 1)
    return (P[:, 2:] - P[:, :-2]) / (2 * scale), scale * P[:, 1:-1]
