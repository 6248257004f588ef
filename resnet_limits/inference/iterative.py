"""`(K + noise) a = y` by conjugate gradients (scipy), beyond the points whose matrix fits in memory.

One product with K passes over its blocks once, for all outputs together: the outputs are one long vector and the
operator is block diagonal. Blocks are kept while there is room, in float32 where the kernel gives it, and made again
in each product beyond. Preconditioned by Nystroem's approximation `U Lambda U^T` from a thousand of the points,

    P^-1 = U (lambda_p + noise)/(Lambda + noise) U^T + (1 - U U^T)

Frangella, Tropp & Udell 2021 (arXiv 2110.02820), with points in place of random vectors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.sparse.linalg import LinearOperator, cg
from torch import Tensor

from ..errors import MeasurementError
from .dense import KERNEL_POINTS_A_BLOCK, KernelFunction, Progress, assemble, predicted, silent
from .filters import check_ridge

LANDMARKS_OF_PRECONDITIONER = 1000
"""Points of the preconditioner; a tenth of all if there are fewer than ten times as many."""

MOST_BYTES_KEPT = 1 << 30
"""Bytes of blocks that are kept."""


class _Preconditioner(LinearOperator):
    """`P^-1` of the module's docstring, on the same long vectors."""

    def __init__(self, kernel: KernelFunction, x: Tensor, outputs: int, noise: float) -> None:
        super().__init__(np.dtype(np.float64), (len(x) * outputs, len(x) * outputs))
        self.outputs = outputs
        count = min(LANDMARKS_OF_PRECONDITIONER, max(1, len(x) // 10))
        chosen = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))[:count]
        inside = assemble(kernel, x[chosen])
        values, vectors = torch.linalg.eigh(inside)
        held = values > 1e-10 * values.max()
        root = vectors[:, held] / values[held].sqrt()
        F = torch.cat([kernel(part, x[chosen]).double() for part in x.split(KERNEL_POINTS_A_BLOCK)]) @ root
        Q, R = torch.linalg.qr(F)
        left, sizes, _ = torch.linalg.svd(R)
        self.U = Q @ left
        spectrum = sizes.square() + noise
        self.factors = (spectrum.min() / spectrum - 1)[:, None]

    def _matvec(self, v: np.ndarray) -> np.ndarray:
        X = torch.from_numpy(np.ascontiguousarray(v)).reshape(-1, self.outputs)
        return (X + self.U @ (self.factors * (self.U.T @ X))).numpy().ravel()


@dataclass(frozen=True)
class Solution:
    """Coefficients (n, outputs) with `K_* a` the predictions; relative residual, and products with K that it took."""

    kernel: KernelFunction
    x: Tensor
    coefficients: Tensor
    residual: float
    products: int

    def mean(self, new: Float[Tensor, "m d"]) -> Float[Tensor, "m outputs"]:
        """Predictions at new points; float64."""
        return predicted(self.kernel, self.x, self.coefficients, new)


class _Products(LinearOperator):
    """`(K + noise) X`, block by block, as an operator on X (n, outputs) written as one long vector."""

    def __init__(self, kernel: KernelFunction, x: Tensor, outputs: int, noise: float, kept: int) -> None:
        super().__init__(np.dtype(np.float64), (len(x) * outputs, len(x) * outputs))
        self.kernel, self.x, self.outputs, self.noise, self.room = kernel, x, outputs, noise, kept
        self.blocks: dict[tuple[int, int], Tensor] = {}
        self.count = 0

    def _block(self, i: int, j: int) -> Tensor:
        if (i, j) in self.blocks:
            return self.blocks[i, j]
        block = self.kernel(self.x[i : i + KERNEL_POINTS_A_BLOCK], self.x[j : j + KERNEL_POINTS_A_BLOCK])
        size = block.numel() * block.element_size()
        if size <= self.room:
            self.room -= size
            self.blocks[i, j] = block
        return block

    def _matvec(self, v: np.ndarray) -> np.ndarray:
        return self.times(torch.from_numpy(np.ascontiguousarray(v)).reshape(-1, self.outputs)).numpy().ravel()

    def times(self, X: Float[Tensor, "n outputs"]) -> Float[Tensor, "n outputs"]:
        self.count += 1
        out = self.noise * X
        for i in range(0, len(X), KERNEL_POINTS_A_BLOCK):
            for j in range(0, i + 1, KERNEL_POINTS_A_BLOCK):
                block = self._block(i, j).to(X)
                out[i : i + KERNEL_POINTS_A_BLOCK] += block @ X[j : j + KERNEL_POINTS_A_BLOCK]
                if j < i:
                    out[j : j + KERNEL_POINTS_A_BLOCK] += block.T @ X[i : i + KERNEL_POINTS_A_BLOCK]
        return out


def solve_iteratively(
    kernel: KernelFunction,
    x: Float[Tensor, "n d"],
    y: Float[Tensor, "n outputs"],
    *,
    ridge: float,
    tolerance: float = 1e-6,
    most: int = 1000,
    kept: int = MOST_BYTES_KEPT,
    progress: Progress = silent,
) -> Solution:
    """The posterior mean's coefficients, to a relative residual `tolerance` over all outputs together.

    `most`: products with K at most. `kept`: bytes of blocks kept between products. `progress` hears the fraction of
    `most`. Raises `SettingError` for a negative ridge, `MeasurementError` where the residual stays larger.
    """
    check_ridge(ridge)
    right = y.double()
    product = _Products(kernel, x, right.shape[1], ridge, kept)
    solution, _ = cg(
        product,
        right.numpy().ravel(),
        rtol=tolerance,
        maxiter=most,
        M=_Preconditioner(kernel, x, right.shape[1], ridge),
        callback=lambda _: progress(min(1.0, product.count / most)),
    )
    coefficients = torch.from_numpy(solution).reshape(right.shape)
    reached = float((right - product.times(coefficients)).norm()) / max(float(right.norm()), 1e-300)
    if not reached <= 2 * tolerance:  # cg tracks the residual by a recurrence, which drifts by rounding
        raise MeasurementError(
            f"conjugate gradients reached a relative residual of {reached:.1e} and not {tolerance:g} in {product.count}"
            f" products with the kernel matrix of {len(x)} points; a larger ridge than {ridge:g} makes it easier"
        )
    return Solution(kernel, x, coefficients, reached, product.count)
