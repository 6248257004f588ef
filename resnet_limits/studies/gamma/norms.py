"""Norms of the paths of minimisers, and of their distances to that of the limit. Free of torch; paths are (n, e), K and
b of each layer as one row."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

MAX_NORM_OF_ZERO_PATH = 1e-8
"""Paths smaller than this are zero to rounding, where the loss has no use for the layers: their ratios say nothing."""
MINIMISER_IS_ZERO = "the minimiser is zero to rounding: its layers do nothing, and their distances have no order"


def tl2(path: np.ndarray, limit: Callable[[np.ndarray], np.ndarray]) -> float:
    """The monotone coupling's bound of the TL2 distance of a network's path, constant in each block, to the limit's.

    d^2 = sum_k int_{t_k}^{t_{k+1}} |t_k - t|^2 + |K_k - K(t)|^2 + |b_k - b(t)|^2 dt        (four Gauss points a block)
    """
    n = len(path)
    nodes, weights = np.polynomial.legendre.leggauss(4)
    times = (np.arange(n)[:, None] + (nodes + 1) / 2) / n
    there = limit(times.ravel()).reshape(n, len(nodes), -1)
    squares = ((path[:, None] - there) ** 2).sum(axis=2) @ weights / (2 * n)
    return float((squares.sum() + 1 / (3 * n * n)) ** 0.5)


def h1(difference: np.ndarray, taus: np.ndarray) -> float:
    """`(n sum_k |d_k - d_{k-1}|^2 + sum tau d_0^2)^1/2`, `taus` (e) those of each entry."""
    n = len(difference)
    return float((n * (np.diff(difference, axis=0) ** 2).sum() + (taus * difference[0] ** 2).sum()) ** 0.5)


def roughness_of_path(path: np.ndarray) -> float:
    """`n sum_{k >= 1} |K_k - K_{k-1}|^2 + |b_k - b_{k-1}|^2`."""
    return float(len(path) * (np.diff(path, axis=0) ** 2).sum())


def largest_layer(path: np.ndarray) -> float:
    """The largest norm of a layer."""
    return float(np.linalg.norm(path, axis=1).max())


def largest_second_difference(path: np.ndarray) -> float:
    """The largest `n^2 |K_{k+1} - 2 K_k + K_{k-1}|` over the layers within, K and b together; 0 of fewer than three."""
    return largest_layer(len(path) ** 2 * np.diff(path, n=2, axis=0)) if len(path) > 2 else 0.0
