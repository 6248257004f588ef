"""Points of the line moved by `q' = omega_1 q + omega_2`: a geodesic of the affine group, the hyperbolic half-plane.

    q_j(1) = (q_j(0) + v) / u,      2H = d^2,      cosh d = 1 + ((u - 1)^2 + v^2) / (2u)

In `(u, v)` the path energy is `(u'^2 + v'^2) / u^2`, whatever the number of points; the path starts in (1, 0).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from .solution import Array, ExactGeodesic, half_mean_squared_distance, stationary


def points_of_the_line(q0: Float[Array, "n 1"], y: Float[Array, "n 1"], nu: float) -> ExactGeodesic:
    """The minimum over `log u` and `v`, from the identity map."""

    def value_and_gradient(x: Array) -> tuple[float, Array]:
        a, v = x
        end = (q0 + v) * np.exp(-a)
        d2, slope = squared_distance(np.cosh(a) - 1 + v**2 * np.exp(-a) / 2)
        off = end - y
        by_a = nu / 2 * slope * (np.sinh(a) - v**2 * np.exp(-a) / 2) - float((off * end).mean())
        by_v = nu / 2 * slope * v * np.exp(-a) + float(off.mean()) * np.exp(-a)
        return nu / 2 * d2 + half_mean_squared_distance(end, y), np.array([by_a, by_v])

    a, v = stationary(value_and_gradient, np.zeros(2), float(np.square(y).mean() + np.square(q0).mean()))
    end, path_energy = (q0 + v) * np.exp(-a), squared_distance(np.cosh(a) - 1 + v**2 * np.exp(-a) / 2)[0]
    return ExactGeodesic(end, path_energy, nu / 2 * path_energy + half_mean_squared_distance(end, y))


def squared_distance(x: float) -> tuple[float, float]:
    """`d^2` of `cosh d = 1 + x`, and its derivative `2 d / sinh d`."""
    sinh = np.sqrt(x * (x + 2))
    d = float(np.arcsinh(sinh))
    return d**2, float(2 * d / sinh) if sinh > 0 else 2.0
