"""`k(x, y) = exp(-|x - y|^2 / 2 l^2)`: warping by a reproducing kernel, distances by matrix products.

    dH/dP = K P,   -dH/dq = (diag(M 1) - M) q,   M = K * (P P^T) / l^2

In few dimensions the sums are those of `pair_sums`, in C. Else, and without a compiler, the n x n matrices are made, in
blocks of rows that fit a processor's cache. Source: Owhadi 2020, arXiv 2008.03920; for landmarks: Joshi & Miller 2000;
Micheli 2008.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jaxtyping import Float

from .kernel import KernelAtPoints, OperatorKernel

if TYPE_CHECKING:
    import torch
    from torch import Tensor

ENTRIES_A_BLOCK = 2**18
"""Entries of a block of rows: 2 MB."""
MOST_ENTRIES_KEPT = 2**24
"""Entries of the largest kernel matrix that is kept while the points stay: 128 MB."""
ABSOLUTE_JITTER = 1e-12
"""Added to the diagonal before a Cholesky factor is taken."""


@dataclass(frozen=True)
class GaussianKernel(OperatorKernel):
    """The Gaussian kernel of this length scale."""

    name = "gaussian"
    smooth = True

    length: float

    def at(self, q: Float[Tensor, "n d"]) -> GaussianAt:
        from ..pair_sums import has_form

        return (PairSumsAt if has_form(q) else GaussianAt)(self, q)

    def matrix(self, x: Float[Tensor, "m d"], y: Float[Tensor, "n d"]) -> Float[Tensor, "m n"]:
        """`k(x_i, y_j)`."""
        from ....symmetric import symmetric_product

        products = symmetric_product(x) if x is y else x @ y.T
        exponent = products.sub_(y.square().sum(1), alpha=1 / 2).sub_(x.square().sum(1, keepdim=True), alpha=1 / 2)
        exponent = exponent.mul_(1 / self.length**2)
        return exponent.exp() if exponent.requires_grad else exponent.clamp_(max=0).exp_()


class GaussianAt(KernelAtPoints):
    """The Gaussian kernel at points `q`."""

    def __init__(self, kernel: GaussianKernel, q: Tensor) -> None:
        # Of differences alone: centred points have the smallest squares, which cancel in the distances.
        self.kernel, self.q, self.n = kernel, q - q.mean(dim=0), len(q)
        self.scaled = 1 / kernel.length**2
        self._K: Tensor | None = None
        self._pairs: tuple[Tensor, Tensor] | None = None

    @property
    def K(self) -> Tensor:  # noqa: N802
        """The whole kernel matrix."""
        if self._K is None:
            self._K = self.kernel.matrix(self.q, self.q)
        return self._K

    def _blocks(self) -> Iterator[tuple[slice, Tensor]]:
        """Blocks of rows of the kernel matrix, each to be read once."""
        rows = max(1, ENTRIES_A_BLOCK // self.n)
        kept = self._K is not None or self.n <= rows
        for start in range(0, self.n, rows):
            rows_here = slice(start, min(start + rows, self.n))
            yield rows_here, self.K[rows_here] if kept else self.kernel.matrix(self.q[rows_here], self.q)

    def keep(self) -> GaussianAt:
        """Keep the matrix, where it is not too large: it will be read several times."""
        if self.n**2 <= MOST_ENTRIES_KEPT:
            _ = self.K
        return self

    def pairs(self, rows: slice, P: Tensor) -> Tensor:
        """Rows of `P P^T`; the last whole one is kept with the kernel matrix."""
        from ....symmetric import symmetric_product

        if self._K is None or rows.stop - rows.start < self.n:
            return P[rows] @ P.T
        if self._pairs is None or self._pairs[0] is not P:
            self._pairs = P, symmetric_product(P)
        return self._pairs[1]

    def velocity(self, P: Tensor) -> Tensor:
        import torch

        return torch.cat([block @ P for _, block in self._blocks()])

    def rate(self, P: Tensor) -> Tensor:
        import torch

        return torch.cat([self._rate(rows, block, P) for rows, block in self._blocks()])

    def _rate(self, rows: slice, block: Tensor, P: Tensor) -> Tensor:
        return (_laplacian(self.pairs(rows, P) * block, rows.start) @ self.q).mul_(self.scaled)

    def both(self, P: Tensor) -> tuple[Tensor, Tensor]:
        """Velocity and rate, with each block made once."""
        import torch

        parts = [(block @ P, self._rate(rows, block, P)) for rows, block in self._blocks()]
        return torch.cat([velocity for velocity, _ in parts]), torch.cat([rate for _, rate in parts])

    def energy(self, P: Tensor) -> Tensor:
        return (P * self.velocity(P)).sum() / 2

    def tangent(self, P: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        import torch

        parts = [self._tangent(rows, block, P, u, v) for rows, block in self._blocks()]
        return torch.cat([first for first, _ in parts], dim=-2), torch.cat([second for _, second in parts], dim=-2)

    def _tangent(self, rows: slice, K: Tensor, P: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        q = self.q
        u_own, v_own = u[..., rows, :], v[..., rows, :]
        along, whole = (q * u).sum(-1), rows.stop - rows.start == self.n
        # (q_i - q_j) . (u_i - u_j), from products of matrices; of all rows two of them are each other's transposes
        cross, dS = u_own @ q.mT, v_own @ P.mT
        stretch = along[..., rows, None] + along[..., None, :] - cross - (cross.mT if whole else q[rows] @ u.mT)
        dK = stretch.mul_(K).mul_(-self.scaled)
        S = self.pairs(rows, P)
        M, dM = S * K, (dS + (dS.mT if whole else P[rows] @ v.mT)).mul_(K).add_(S * dK)
        d_velocity = dK @ P + K @ v
        d_rate = _laplacian(dM, rows.start) @ q + _laplacian(M, rows.start) @ u
        return d_velocity, d_rate.mul_(self.scaled)

    def tangent_of_momenta(self, P: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        import torch

        parts = [self._tangent_of_momenta(rows, block, P, v) for rows, block in self._blocks()]
        return torch.cat([first for first, _ in parts], dim=-2), torch.cat([second for _, second in parts], dim=-2)

    def _tangent_of_momenta(self, rows: slice, K: Tensor, P: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        dS, whole = v[..., rows, :] @ P.mT, rows.stop - rows.start == self.n
        dM = (dS + (dS.mT if whole else P[rows] @ v.mT)).mul_(K)
        return K @ v, (_laplacian(dM, rows.start) @ self.q).mul_(self.scaled)

    def root(self) -> Tensor:
        import torch

        # Few operations: where it is differentiated twice, layer by layer, each costs more than its arithmetic.
        half = self.q * (self.scaled / 2) ** 0.5
        products = half @ half.T
        squares = products.diagonal()
        exponent = 2 * products - squares - squares[:, None]
        return torch.linalg.cholesky(exponent.exp() + _jitter(self.n, exponent.dtype))


class PairSumsAt(GaussianAt):
    """The Gaussian kernel at points of few coordinates by sums in C, for this kind of processor or the best."""

    def __init__(self, kernel: GaussianKernel, q: Tensor, processor: str | None = None) -> None:
        super().__init__(kernel, q)
        self.points = q  # of which differences are taken as they are
        self.processor = processor

    def keep(self) -> PairSumsAt:
        """Itself: to read a matrix takes as long as to compute its entries."""
        return self

    def velocity(self, P: Tensor) -> Tensor:
        return self.both(P)[0]

    def rate(self, P: Tensor) -> Tensor:
        return self.both(P)[1]

    def both(self, P: Tensor) -> tuple[Tensor, Tensor]:
        from .. import pair_sums

        if not pair_sums.has_form(P):
            return super().both(P)
        return pair_sums.velocity_and_rate(self.points, P, self.scaled, self.processor)

    def tangent(self, P: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        from .. import pair_sums

        if not pair_sums.has_form(P):
            return super().tangent(P, u, v)
        return pair_sums.tangent(self.points, P, u, v, self.scaled, self.processor)

    def tangent_of_momenta(self, P: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        return self.tangent(P, v.new_zeros(*v.shape[:-1], self.q.shape[1]), v)


def _laplacian(M: Tensor, start: int) -> Tensor:
    """`diag(M 1) - M`, of the rows from `start` on, in the memory of M."""
    sums = M.sum(-1)
    M.neg_().diagonal(start, -2, -1).add_(sums)
    return M


@functools.lru_cache(maxsize=8)
def _jitter(n: int, dtype: torch.dtype) -> Tensor:
    import torch

    return ABSOLUTE_JITTER * torch.eye(n, dtype=dtype)
