"""The smallest eigenvalue of a Hessian that is known by its products with vectors (Lanczos 1950).

    T = Q^T H Q,  Q an orthonormal basis of span(v, H v, ..., H^{m-1} v)

The smallest eigenvalue of the tridiagonal `T` bounds that of `H` from above; its residual says how far below an
eigenvalue lies. Orthogonality is restored at every step: without it Lanczos finds eigenvalues several times.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.linalg import eigh_tridiagonal

MOST_PRODUCTS_OF_EIGENVALUE = 400
"""Products at most."""
FEWEST_PRODUCTS_OF_EIGENVALUE = 50
"""Products at least: the eigenvalues crowd at the penalty's, and one below that is found late."""
RESIDUAL_OF_EIGENVALUE = 0.2
"""Residual, as a fraction of the eigenvalue, at which it stops."""


def smallest_eigenvalue(hessian: Callable[[np.ndarray], np.ndarray], size: int) -> float:
    """The smallest eigenvalue less its residual, nan where a product is no number; the start is fixed, so that it
    repeats bit for bit."""
    count = min(MOST_PRODUCTS_OF_EIGENVALUE, size)
    Q = np.empty((count, size))
    v = np.random.Generator(np.random.Philox(size)).standard_normal(size)
    Q[0] = v / np.linalg.norm(v)
    diagonal: list[float] = []
    beside: list[float] = []
    eigenvalue, residual = math.nan, math.inf
    for step in range(count):
        w = hessian(Q[step])
        diagonal.append(float(Q[step] @ w))
        if not np.isfinite(w).all() or not math.isfinite(diagonal[-1]):
            return math.nan
        for _ in range(2):  # twice is enough (Kahan)
            w = w - Q[: step + 1].T @ (Q[: step + 1] @ w)
        length = float(np.linalg.norm(w))
        if not math.isfinite(length):
            return math.nan
        values, vectors = eigh_tridiagonal(np.array(diagonal), np.array(beside))
        eigenvalue, residual = float(values[0]), length * abs(float(vectors[-1, 0]))
        scale = max(abs(float(values[-1])), abs(eigenvalue))
        if length <= 1e-12 * scale or step + 1 == size:
            residual = 0.0
            break
        if (
            step >= FEWEST_PRODUCTS_OF_EIGENVALUE and residual <= RESIDUAL_OF_EIGENVALUE * abs(eigenvalue)
        ) or step + 1 == count:
            break
        beside.append(length)
        Q[step + 1] = w / length
    return eigenvalue - residual
