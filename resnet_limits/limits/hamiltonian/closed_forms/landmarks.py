"""Two landmarks of the line with the Gaussian kernel `k(r) = exp(-r^2 / 2 l^2)`: centre `c` and distance `r`.

    2H = (u^2/2) (1 + k) + 2 v^2 (1 - k),     u = P_1 + P_2 constant,  v = (P_2 - P_1)/2
    c' = (u/2) (1 + k(r)),                    r' = 2 v (1 - k),  r'^2 = 2 (1 - k) (2H - (u^2/2) (1 + k))

Time and centre are integrals over `r`; `u` and `r(1)` are the unknowns, with `2H` such that the way takes the time 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.integrate import quad
from scipy.optimize import root

from ....errors import Undetermined
from .solution import MAX_RELATIVE_RESIDUAL, Array, ExactGeodesic, half_mean_squared_distance, zero_between

LEAST_EXCESS, MOST_EXCESS = 1e-12, 1e6
"""Of the path energy above that with which the distance comes to rest, in units of `1 + u^2`."""


class Approach:
    """The way from the distance `r_0` to `r_1` in the time 1, at the sum `u` of the momenta.

    `path_energy` is `2H`, `excess` what it has above the one with which the distance comes to rest at the smaller end.
    Raises `Undetermined` where there is none on which the distance changes one way only.
    """

    def __init__(self, length: float, r0: float, r1: float, u: float) -> None:
        self.length, self.r0, self.r1, self.u = length, r0, r1, u
        self.low, self.high = sorted((r0, r1))
        least, most = LEAST_EXCESS * (1 + u * u), MOST_EXCESS * (1 + u * u)
        if self.low <= 0 or self.low == self.high or not self.time(least) > 1:
            raise Undetermined(f"the distance of the two landmarks turns around on its way from {r0:.3g} to {r1:.3g}")
        self.excess = zero_between(lambda excess: self.time(excess) - 1, least, most)
        self.path_energy = self.excess + u * u / 2 * (1 + self.k(self.low))

    def k(self, r: float) -> float:
        return float(np.exp(-(r**2) / (2 * self.length**2)))

    def rate(self, r: float, excess: float) -> float:
        """`|r'|`."""
        fallen = -np.expm1((self.low**2 - r**2) / (2 * self.length**2)) * self.k(self.low)  # k(low) - k(r)
        return float(np.sqrt(2 * (1 - self.k(r)) * (excess + self.u**2 / 2 * fallen)))

    def over_time(self, of: Callable[[float], float], excess: float) -> float:
        """`int of(r) dt` on the way, over `s` with `r = low + s^2`: there it may be near rest."""

        def integrand(s: float) -> float:
            return 2 * s * of(self.low + s * s) / self.rate(self.low + s * s, excess)

        # With all that it says kept: near rest it warns of rounding, where no accuracy is needed.
        return float(quad(integrand, 0, np.sqrt(self.high - self.low), epsabs=1e-13, epsrel=1e-12, full_output=1)[0])

    def time(self, excess: float) -> float:
        return self.over_time(lambda r: 1.0, excess)

    @property
    def moved(self) -> float:
        """`c(1) - c(0)`."""
        return self.over_time(lambda r: self.u / 2 * (1 + self.k(r)), self.excess)

    @property
    def v(self) -> float:
        """`v(1)`."""
        return float(np.sign(self.r1 - self.r0)) * self.rate(self.r1, self.excess) / (2 * (1 - self.k(self.r1)))


def two_landmarks(length: float, q0: Float[Array, "2 1"], y: Float[Array, "2 1"], nu: float) -> ExactGeodesic:
    """The minimum, by the root of `P(1) = -(1/nu) dloss/dq`. Raises `Undetermined` where the distance turns around."""
    order = np.argsort(q0[:, 0])
    (left, right), (to_left, to_right) = q0[order, 0], y[order, 0]
    r0, asked, centre, to = right - left, to_right - to_left, (left + right) / 2, (to_left + to_right) / 2

    def equations(x: Array) -> Array:
        way = Approach(length, r0, x[1], x[0])
        return np.array([nu * way.u + centre + way.moved - to, 4 * nu * way.v + way.r1 - asked])

    spread = 1 + float(np.exp(-(r0**2) / (2 * length**2)))
    start = np.array([(to - centre) / (nu + spread / 2), r0 + (asked - r0) / (1 + 2 * nu)])
    solved: Any = root(equations, start, tol=1e-15)
    if not np.abs(solved.fun).max() <= MAX_RELATIVE_RESIDUAL * (abs(to - centre) + abs(asked - r0)):
        raise Undetermined(f"the closed form's own equations were not solved: {np.abs(solved.fun).max():.1e} is left")
    way = Approach(length, r0, solved.x[1], solved.x[0])
    end = np.empty((2, 1))
    end[order, 0] = centre + way.moved + np.array([-way.r1, way.r1]) / 2
    return ExactGeodesic(end, way.path_energy, nu / 2 * way.path_energy + half_mean_squared_distance(end, y))
