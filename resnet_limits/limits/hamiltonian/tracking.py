"""A loss along the path: `nu/2 int |omega|^2 dt + int mean_j |q_j - y_j|^2 / 2 dt`, in closed form where it is known.

    one point of the line      q' = -(q - y) |f(q)| / sqrt(nu),  value sqrt(nu) |int |q - y| / |f(q)| dq|   T = infinity
                               near y at the rate |f(y)| / sqrt(nu),  |f|^2 = 1 + a^2                       the turnpike
    biases alone, any points   m(t) = m_0 cosh((T - t)/s) / cosh(T/s),  s = sqrt(nu),  m = mean_j (q_j - y_j)

The first is the Hamilton-Jacobi equation `V'(q)^2 |f(q)|^2 = nu (q - y)^2` of the least value V. In the second all
points move by one shift: what they differ by stays, and costs `T/2` times its mean square. Free of the flow and its
kernels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.integrate import quad, solve_ivp

from ...errors import Undetermined

Array = np.ndarray
Scalar = Callable[[float], float]


@dataclass(frozen=True)
class TrackedPath:
    """States at the times asked for, (times, n, d), and the least value."""

    states: Float[Array, "t n d"]
    value: float


def turnpike_rate(a: Scalar, y: float, nu: float) -> float:
    """`sqrt((1 + a(y)^2)/nu)`: how fast a point of the line approaches its target over a long horizon."""
    return float(np.hypot(1.0, a(y)) / np.sqrt(nu))


def tracked_point(a: Scalar, q0: float, y: float, nu: float, times: Float[Array, " t"]) -> TrackedPath:
    """One point of the line over an infinite horizon: of a finite one T up to `exp(-2 T rate)`."""

    def velocity(t: float, q: Array) -> Array:
        return -(q - y) * turnpike_rate(a, float(q[0]), nu)

    solved = solve_ivp(velocity, (0.0, float(times[-1])), [q0], "DOP853", t_eval=times, rtol=1e-12, atol=1e-14)
    if not solved.success:
        raise Undetermined(f"the path of the closed form was not followed: {solved.message}")
    value, _ = quad(lambda q: (y - q) / turnpike_rate(a, q, nu), q0, y, epsabs=1e-14, epsrel=1e-12)
    return TrackedPath(solved.y.T[:, None, :], float(value))


def tracked_by_biases(
    q0: Float[Array, "n d"], y: Float[Array, "n d"], nu: float, horizon: float, times: Float[Array, " t"]
) -> TrackedPath:
    """Points that are moved by biases alone, `q' = b(t)`."""
    s, m0 = np.sqrt(nu), (q0 - y).mean(axis=0)
    shift = (np.cosh((horizon - times) / s) / np.cosh(horizon / s) - 1)[:, None] * m0
    apart = np.square(q0 - y).sum(axis=1).mean() - m0 @ m0
    value = s / 2 * np.tanh(horizon / s) * (m0 @ m0) + horizon / 2 * apart
    return TrackedPath(q0 + shift[:, None, :], float(value))
