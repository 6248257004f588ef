"""One point of the line with the features `(a(q), 1)`: `q' = c sqrt(1 + a(q)^2)`, `2H = c^2`.

    c = int_{q_0}^{q_1} dq / sqrt(1 + a(q)^2),      nu c / sqrt(1 + a(q_1)^2) = y - q_1

`H = P^2 (1 + a(q)^2) / 2` is constant, so the speed is known at every place. With the identity
`q(t) = sinh(c t + asinh q_0)`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.integrate import quad

from .solution import ExactGeodesic, half_mean_squared_distance, zero_between

Scalar = Callable[[float], float]


def speed_along(a: Scalar, q: float) -> float:
    """`sqrt(1 + a(q)^2)`, of the path energy 1."""
    return float(np.hypot(1.0, a(q)))


def one_point(a: Scalar, q0: float, y: float, nu: float) -> ExactGeodesic:
    """The minimum over `q_1` between `q_0` and `y`, where the derivative changes its sign."""

    def c(q1: float) -> float:
        return float(quad(lambda q: 1 / speed_along(a, q), q0, q1, epsabs=1e-14, epsrel=1e-13)[0])

    def slope(q1: float) -> float:
        return nu * c(q1) / speed_along(a, q1) + q1 - y

    q1 = zero_between(slope, q0, y) if q0 != y else y
    end, path_energy = np.array([[q1]]), c(q1) ** 2
    return ExactGeodesic(end, path_energy, nu / 2 * path_energy + half_mean_squared_distance(end, np.array([[y]])))
