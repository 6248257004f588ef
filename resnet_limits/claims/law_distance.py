"""Distances between laws from samples, with their errors.

    Kolmogorov      D = sup_x |F_n(x) - F(x)|
    two samples     D = sup_x |F_n(x) - G_m(x)|
    energy          (2 E|X - Y| - E|X - X'| - E|Y - Y'|) / (2 E|X - Y|), 0 for equal laws (Szekely & Rizzo 2013)

For a sample of F, `P(sup |F_n - F| > e) <= 2 exp(-2 n e^2)` (Dvoretzky, Kiefer & Wolfowitz 1956, Massart 1990); for two
samples of one law the same with `n m / (n + m)` in place of n (Wei & Dudley 2012, n = m not small).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np


def kolmogorov_distance(sample: np.ndarray, cdf: Callable[[np.ndarray], np.ndarray]) -> float:
    """Largest distance between the empirical distribution function of a sample (n,) and a continuous one."""
    n = len(sample)
    p = cdf(np.sort(sample))
    steps = np.arange(n + 1) / n
    return float(max((steps[1:] - p).max(), (p - steps[:-1]).max()))


def two_sample_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Largest distance between the empirical distribution functions of two samples, (n,) and (m,)."""
    both = np.sort(np.concatenate([a, b]))
    below = [np.searchsorted(np.sort(sample), both, side="right") / len(sample) for sample in (a, b)]
    return float(np.abs(below[0] - below[1]).max())


def kolmogorov_radius(n: float, level: float = 0.95) -> float:
    """How far an empirical distribution function of `n` draws may be from the true one, at this level."""
    return math.sqrt(math.log(2 / (1 - level)) / (2 * n))


def energy_distance(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Unbiased but for its denominator, and its jackknife error: samples (n, d) and (n, d), left out in pairs; nan
    where all states are one.

    The pairs `(a_i, b_i)` may be coupled (two schemes on one noise), different pairs are independent: a pair is never
    held against itself. With `h_ij = |a_i - b_j| + |b_i - a_j| - |a_i - a_j| - |b_i - b_j|` the numerator is the mean
    of `h_ij`, i != j; coupling makes it small, and its noise with it.
    """
    n = len(a)
    to_b, to_a = _sums(a, b)
    within_a, within_b = _sums(a, a)[0], _sums(b, b)[0]
    apart = float(to_b.sum()) / n**2
    if not apart:  # all states are one and the same
        return math.nan, math.nan
    rows = to_b + to_a - within_a - within_b - 2 * np.linalg.norm(a - b, axis=1)  # sums of h_ij over j != i
    total = float(rows.sum())
    without = (total - 2 * rows) / ((n - 1) * (n - 2))
    error = math.sqrt((n - 1) / n * float(((without - without.mean()) ** 2).sum()))
    return total / (n * (n - 1)) / (2 * apart), error / (2 * apart)


def _sums(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`sum_j |a_i - b_j|` for every i, and `sum_i |a_i - b_j|` for every j; of numbers in n log n steps."""
    if a.shape[1] == 1:
        return _sums_of_numbers(a[:, 0], b[:, 0]), _sums_of_numbers(b[:, 0], a[:, 0])
    from scipy.spatial.distance import cdist

    distances = cdist(a, b)
    return distances.sum(axis=1), distances.sum(axis=0)


def _sums_of_numbers(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    b = np.sort(b)
    up_to = np.concatenate([[0.0], np.cumsum(b)])
    below = np.searchsorted(b, a)
    return a * (2 * below - len(b)) + up_to[-1] - 2 * up_to[below]
