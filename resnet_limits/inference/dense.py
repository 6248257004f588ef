"""Exact inference with a kernel that has no short features: the matrix (N, N) in memory, up to 20,000 points.

    mean      K_* (K + noise)^-1 y          variance  K_** - K_* (K + noise)^-1 K_*^T        (Cholesky)
    power     P^2 = K_** - 2 K_* c + c^T K c,  c = (K + noise)^-1 K_*^T         the largest error of targets of norm 1

A kernel is a function of two blocks of points, `(n, d), (m, d) -> (n, m)`, with a method `diagonal`; the matrix is made
of blocks of it, below the diagonal alone, and factored in place. Beyond 20,000 points: `iterative`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from scipy.linalg import LinAlgError, blas, cho_solve, cholesky, solve_triangular
from torch import Tensor

from ..errors import SettingError
from .filters import MAX_ERROR_OF_COEFFICIENTS, check_ridge, ill_conditioned, singular

Progress = Callable[[float], None]

MOST_POINTS_FACTORED = 20_000
"""Points whose kernel matrix is factored in memory: 3.2 GB in float64."""

KERNEL_POINTS_A_BLOCK = 1024


@runtime_checkable
class KernelFunction(Protocol):
    """`K` on blocks of points, and its diagonal."""

    def __call__(self, rows: Tensor, columns: Tensor) -> Tensor: ...

    def diagonal(self, z: Tensor) -> Tensor: ...


def silent(fraction: float) -> None:
    """Progress that is not shown."""


def assemble(
    kernel: KernelFunction,
    x: Float[Tensor, "n d"],
    *,
    dtype: torch.dtype = torch.float64,
    mirrored: bool = True,
    progress: Progress = silent,
) -> Float[Tensor, "n n"]:
    """The kernel matrix, from the blocks on and below the diagonal; those above copied, or left 0."""
    n = len(x)
    K = torch.zeros(n, n, dtype=dtype)
    done = 0
    for start in range(0, n, KERNEL_POINTS_A_BLOCK):
        rows = slice(start, start + KERNEL_POINTS_A_BLOCK)
        for before in range(0, start + 1, KERNEL_POINTS_A_BLOCK):
            columns = slice(before, before + KERNEL_POINTS_A_BLOCK)
            K[rows, columns] = kernel(x[rows], x[columns]).to(dtype)
            if mirrored and before < start:
                K[columns, rows] = K[rows, columns].T
        done = min(n, start + KERNEL_POINTS_A_BLOCK)
        progress((done / n) ** 2)
    return K


@dataclass(frozen=True)
class Posterior:
    """The Gaussian process given noisy targets: Cholesky's factor of `K + noise`, `(K + noise)^-1 y`, and the condition
    number of `K + noise` times the rounding, about how far that may be off, relative to its size."""

    kernel: KernelFunction
    x: Tensor
    upper: np.ndarray  # R with R^T R = K + noise
    coefficients: Tensor
    error: float

    def mean(self, new: Float[Tensor, "m d"]) -> Float[Tensor, "m outputs"]:
        """Posterior mean at new points; float64."""
        return predicted(self.kernel, self.x, self.coefficients, new)

    def variance(self, new: Float[Tensor, "m d"]) -> Float[Tensor, " m"]:
        """Posterior variance of the function at new points, without the noise of a new target; float64."""
        parts = []
        for part in new.split(KERNEL_POINTS_A_BLOCK):
            across = self.kernel(self.x, part).to(self.coefficients.dtype).numpy()
            explained = solve_triangular(self.upper, across, trans=1, check_finite=False)
            known = torch.from_numpy(np.square(explained, out=explained).sum(axis=0)).double()
            parts.append((self.kernel.diagonal(part).double() - known).clamp(min=0))
        return torch.cat(parts)

    def weights(self, new: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
        """`c = (K + noise)^-1 K_*^T`: the mean at new points is `c^T y`; float64."""
        across = self.kernel(self.x, new).to(self.coefficients.dtype).numpy()
        return torch.from_numpy(cho_solve((self.upper, False), across, check_finite=False)).double()

    def power(self, new: Float[Tensor, "m d"]) -> Float[Tensor, " m"]:
        """`P = sqrt(K_** - 2 K_* c + c^T K c)` at new points: the largest error of the mean there of all targets of
        norm 1 that are observed without noise; at most the standard deviation, and equal where the noise is 0."""
        c, across = self.weights(new), self.kernel(self.x, new).double()
        square = self.kernel.diagonal(new).double() - 2 * (across * c).sum(dim=0)
        return (square + (c * (self.kernel(self.x, self.x).double() @ c)).sum(dim=0)).clamp(min=0).sqrt()


def posterior(
    kernel: KernelFunction,
    x: Float[Tensor, "n d"],
    y: Float[Tensor, "n outputs"],
    *,
    ridge: float,
    dtype: torch.dtype = torch.float64,
    progress: Progress = silent,
) -> Posterior:
    """Condition on targets with noise of variance `ridge`; float32 takes half the time and memory, and wants a ridge.

    Raises `SettingError` for a negative ridge or more than 20,000 points, `Undetermined` where `K + ridge` is not
    positive definite to rounding, or rounding may move the coefficients by `MAX_ERROR_OF_COEFFICIENTS`. `progress`
    hears of the assembly, which is most of the time.
    """
    check_ridge(ridge)
    if len(x) > MOST_POINTS_FACTORED:
        raise SettingError(
            f"data.train_size: {len(x)} points are too many for a dense kernel matrix ({MOST_POINTS_FACTORED} at most);"
            " take fewer, or solve with conjugate gradients (`inference.iterative`)"
        )
    K = assemble(kernel, x, dtype=dtype, mirrored=False, progress=progress)
    upper = factored(K, ridge)
    error = condition(upper) * torch.finfo(dtype).eps
    if not error <= MAX_ERROR_OF_COEFFICIENTS[dtype]:
        scale = float(np.square(upper[:, -1]).sum())  # an entry of the diagonal of K + ridge
        raise ill_conditioned(f"{len(x)} points, {_name(dtype)}, ridge {ridge:g}", error, scale)
    coefficients = cho_solve((upper, False), y.to(dtype).numpy(), check_finite=False)
    return Posterior(kernel, x, upper, torch.from_numpy(coefficients), error)


POWER_ITERATIONS = 10
"""Of the power method: extreme eigenvalues to a factor of two or so."""


def condition(upper: np.ndarray) -> float:
    """Estimate of the condition number of `R^T R`, by powers of it and of its inverse."""
    start = np.random.Generator(np.random.Philox(len(upper))).standard_normal(len(upper)).astype(upper.dtype)

    def size(applied: Callable[[np.ndarray], np.ndarray]) -> float:
        v, length = start / np.linalg.norm(start), 1.0
        for _ in range(POWER_ITERATIONS):
            v = applied(v)
            length = float(np.linalg.norm(v))
            v = v / length
        return length

    largest = size(lambda v: _triangular(upper, _triangular(upper, v, 0), 1))
    return largest * size(lambda v: cho_solve((upper, False), v, check_finite=False))


def factored(K: Float[Tensor, "n n"], ridge: float) -> np.ndarray:
    """`R` with `R^T R = K + ridge`, in the memory of K, of which the lower half is read.

    Raises `Undetermined` where `K + ridge` is not positive definite to rounding.
    """
    K.diagonal().add_(ridge)
    scale, what = float(K.diagonal().max()), f"{len(K)} points, {_name(K.dtype)}, ridge {ridge:g}"
    try:  # the transpose is in Fortran's order: LAPACK works in place
        upper = cholesky(K.numpy().T, lower=False, overwrite_a=True, check_finite=False)
    except LinAlgError:
        raise singular(what, scale) from None
    smallest = float(np.diagonal(upper).min()) ** 2
    if not smallest > len(K) * torch.finfo(K.dtype).eps * scale:
        raise singular(f"{what}, smallest pivot {smallest:.1e}", scale)
    return upper


def _triangular(upper: np.ndarray, v: np.ndarray, transposed: int) -> np.ndarray:
    """`R v`, or `R^T v`; what lies below the diagonal of R is not read."""
    (product,) = blas.get_blas_funcs(["trmv"], (upper, v))
    return product(upper, v, trans=transposed)


def predicted(
    kernel: KernelFunction, x: Float[Tensor, "n d"], coefficients: Float[Tensor, "n outputs"], new: Float[Tensor, "m d"]
) -> Float[Tensor, "m outputs"]:
    """`K_* a`, by blocks; float64."""
    return torch.cat(
        [kernel(part, x).to(coefficients.dtype) @ coefficients for part in new.split(KERNEL_POINTS_A_BLOCK)]
    ).double()


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
