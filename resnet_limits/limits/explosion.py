"""The explosion of infinitely wide networks in closed form: none where `phi''(0) = 0`. Free of torch.

    m' = 1/2 phi''(0) v,    q' = (phi''(0) m + phi'(0)^2) v,    v = sigma_b^2 + sigma_w^2 q

With `u = m + phi'(0)^2/phi''(0)` the difference `q - u^2` is constant, and `u' = a (u^2 + w)` with
`a = 1/2 phi''(0) sigma_w^2`, `w = sigma_b^2/sigma_w^2 + q_0 - u_0^2`: a tangent where `w > 0`, a hyperbolic tangent or
cotangent where `w < 0`. Peluchetti & Favaro 2020 (arXiv 2007.03253), section on doubly infinite networks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Moments:
    """`m` and `q`, mean and mean square over the coordinates, of an infinitely wide and infinitely deep network.

    `slope = phi'(0)`, `curvature = phi''(0) >= 0`, `m0^2 <= q0`.
    """

    slope: float
    curvature: float
    sigma_w: float
    sigma_b: float
    m0: float
    q0: float

    @property
    def _u0(self) -> float:
        return self.m0 + self.slope**2 / self.curvature

    def crossing_time(self, threshold: float) -> float:
        """When `q` reaches a threshold for good; 0 if it starts there, inf if it never does. For `phi''(0) > 0`."""
        rest = self.q0 - self._u0**2
        return 0.0 if threshold <= self.q0 else self._time_to(math.sqrt(threshold - rest))

    def explosion_time(self) -> float:
        """`t*`, when `q` is infinite; inf if it stays finite."""
        return self._time_to(math.inf) if self.curvature else math.inf

    def _time_to(self, u: float) -> float:
        """`int_{u_0}^u ds / (a (s^2 + w))`; inf where the path rests or turns away before."""
        if self.sigma_w == 0:  # v is constant, u grows linearly
            rate = 0.5 * self.curvature * self.sigma_b**2
            return (u - self._u0) / rate if rate > 0 else math.inf
        a, start = 0.5 * self.curvature * self.sigma_w**2, self._u0
        gap = (self.sigma_b / self.sigma_w) ** 2 + self.q0  # start^2 + w, without the cancellation
        w = gap - start**2
        if w > 0:
            root = math.sqrt(w)
            return (math.atan2(u, root) - math.atan2(start, root)) / (a * root)
        root = math.sqrt(-w)
        if start <= 0 or gap == 0:  # v >= 0 keeps s^2 + w >= 0: at or below -root it rises towards it and rests
            return math.inf
        if root < 1e-8 * start:
            return (1 / start - 1 / u) / a
        # 1/(2 root) log((s - root)/(s + root)), and at the start (s - root)(s + root) is the gap
        end = 0.0 if math.isinf(u) else math.log1p(-2 * root / (u + root))
        return (end - math.log(gap / (start + root) ** 2)) / (2 * root * a)
