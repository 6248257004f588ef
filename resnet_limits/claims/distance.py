"""Distances between two paths over depth, given at common times: (..., times, entries) each.

A path of a network of depth L stands at `t_k = k T/L`; networks of depth L and 2L share the times of the first.
"""

from __future__ import annotations

import numpy as np


def at_common_times(fine: np.ndarray, depth: int) -> np.ndarray:
    """Of a path (replicas, 2^j depth, ...) the layers at the times of a network of this depth."""
    every, rest = divmod(fine.shape[1], depth)
    if rest:
        raise ValueError(f"a path of {fine.shape[1]} layers has no layers at the times of {depth}")
    return fine[:, ::every]


def sup_distance(a: np.ndarray, b: np.ndarray) -> float:
    """`max_t` of the root mean square of `a(t) - b(t)` over entries and replicas; (replicas, times, entries)."""
    return float(np.sqrt(((a - b) ** 2).mean(axis=(0, 2))).max())


def step_distance(coarse: np.ndarray, fine: np.ndarray) -> float:
    """Root mean square over time, entries and replicas of the distance of two step functions, constant in each block.

    (replicas, L, entries) and (replicas, mL, entries). Unlike `sup_distance` at the common times it sees the layers
    that only the deeper network has.
    """
    times, rest = divmod(fine.shape[1], coarse.shape[1])
    if rest:
        raise ValueError(f"step functions of {coarse.shape[1]} and {fine.shape[1]} blocks have no common blocks")
    return float(np.sqrt(((np.repeat(coarse, times, axis=1) - fine) ** 2).mean()))


def sup_size(a: np.ndarray) -> float:
    """`max_t` of the root mean square of `a(t)`."""
    return sup_distance(a, np.zeros_like(a))
