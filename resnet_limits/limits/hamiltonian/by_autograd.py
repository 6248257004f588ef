"""A kernel at points, by its matrix alone: derivatives by autograd.

dH/dP = K P,   -dH/dq = -d/dq P^T K(q, q) P / 2
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .kernels.kernel import KernelAtPoints

if TYPE_CHECKING:
    from .kernels.kernel import OperatorKernel

JITTER = 1e-10
"""Added to the diagonal, relative to its mean, before a Cholesky factor is taken."""


class MatrixAt(KernelAtPoints):
    """The kernel `matrix` at points `q`."""

    def __init__(self, kernel: OperatorKernel, q: Tensor) -> None:
        self.kernel, self.q = kernel, q
        self.K = kernel.matrix(q, q)

    def velocity(self, P: Tensor) -> Tensor:
        return self.K @ P

    def rate(self, P: Tensor) -> Tensor:
        return self._rate(self.q, P)

    def both(self, P: Tensor) -> tuple[Tensor, Tensor]:
        return self.velocity(P), self.rate(P)

    def energy(self, P: Tensor) -> Tensor:
        return (P * self.velocity(P)).sum() / 2

    def tangent(self, P: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        def along(u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
            return torch.func.jvp(self._both, (self.q, P), (u, v))[1]

        first, second = torch.func.vmap(along)(u.reshape(-1, *self.q.shape), v.reshape(-1, *P.shape))
        return first.reshape(v.shape), second.reshape(u.shape)

    def root(self) -> Tensor:
        n = len(self.q)
        return torch.linalg.cholesky(self.K + JITTER * self.K.diagonal().mean() * torch.eye(n).to(self.K))

    def _both(self, q: Tensor, P: Tensor) -> tuple[Tensor, Tensor]:
        return self.kernel.matrix(q, q) @ P, self._rate(q, P)

    def _rate(self, q: Tensor, P: Tensor) -> Tensor:
        return -torch.func.grad(lambda q: (P * (self.kernel.matrix(q, q) @ P)).sum() / 2)(q)
