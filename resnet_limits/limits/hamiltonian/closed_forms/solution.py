"""What is known of a minimum in closed form, and the root of its equations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq, minimize, root

from ....errors import Undetermined

Array = np.ndarray
MAX_RELATIVE_RESIDUAL = 1e-10
"""Of the stationary equations, relative to the sizes of their terms."""


@dataclass(frozen=True)
class ExactGeodesic:
    """States at time 1, (n, d); `path_energy` is `2H = |omega|^2`, constant in time; `value` is `nu H + loss`."""

    end: Float[Array, "n d"]
    path_energy: float
    value: float


def half_mean_squared_distance(end: Float[Array, "n d"], y: Float[Array, "n o"]) -> float:
    """`mean_j |q_j - y_j|^2 / 2` of the last coordinates: with the factor 1/2."""
    return float(np.square(end[:, -y.shape[1] :] - y).sum(axis=1).mean() / 2)


def zero_between(of: Callable[[float], float], low: float, high: float) -> float:
    """Where `of`, of two signs at the ends, vanishes, to rounding."""
    solve: Any = brentq
    return float(solve(of, low, high, xtol=1e-15, rtol=1e-14))


def stationary(
    value_and_gradient: Callable[[Array], tuple[float, Array]], start: Float[Array, " m"], scale: float
) -> Float[Array, " m"]:
    """Where the gradient vanishes, below `start`: BFGS, then the root of the gradient to rounding.

    Raises `Undetermined` where the gradient that is left exceeds `MAX_RELATIVE_RESIDUAL scale`.
    """
    lowered: Any = minimize(value_and_gradient, start, jac=True, method="BFGS")
    solved: Any = root(lambda x: value_and_gradient(x)[1], lowered.x, tol=1e-15)
    if not np.abs(solved.fun).max() <= MAX_RELATIVE_RESIDUAL * scale:
        raise Undetermined(f"the closed form's own minimum was not reached: gradient {np.abs(solved.fun).max():.1e}")
    return solved.x
