"""Newton's method in a trust region, steps by truncated conjugate gradients (Steihaug 1983).

    minimise  g.p + p.H p / 2   over  |p| <= radius

Conjugate gradients start at p = 0 and stop at the boundary, where the curvature is negative, or once the residual is a
fraction of the gradient that itself falls with the gradient, so that convergence is superlinear. A step is judged by
the fall of the value; where that is below the rounding of the value, by the fall of the gradient norm.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .objective import Objective

RELATIVE_FALL_OF_ROUNDING = 1e4 * np.finfo(np.float64).eps
"""Falls of the value below this fraction of it say nothing."""
MOST_STALLED_STEPS = 20
"""Steps after which it gives up where they lowered neither the gradient by half nor the value by `MIN_RELATIVE_FALL`
of it."""
MIN_RELATIVE_FALL = 1e-5
MOST_PRODUCTS_A_STEP = 1000
"""Hessian-vector products a step."""


@dataclass(frozen=True)
class End:
    """Where Newton's method ended, with value and gradient there, and `why` it did not go on."""

    point: np.ndarray
    value: float
    gradient: np.ndarray
    iterations: int
    products: int
    why: str


def relative_gradient(value: float, gradient: np.ndarray, u: np.ndarray) -> float:
    """`|grad| |u| / |J|`: free of the units of both; 0 where the gradient is."""
    norm = float(np.linalg.norm(gradient))
    if norm == 0:
        return 0.0
    size = float(np.linalg.norm(u))
    return norm * size / abs(value) if size > 0 and value != 0 else math.inf


def newton(
    objective: Objective, start: np.ndarray, *, tolerance: float, iterations: int, radius: float = math.inf
) -> End:
    """Newton steps until the relative gradient is below `tolerance`, and one on; or until nothing is gained.

    `radius` is that of the first trust region.
    """
    u = np.array(start)
    value, gradient = objective.value_and_gradient(u)
    products, why = 0, f"{iterations} Newton steps"
    step = 0
    reached = False
    mark, mark_value, marked = math.inf, math.inf, 0
    for step in range(iterations + 1):
        last = reached
        reached = relative_gradient(value, gradient, u) <= tolerance
        norm = float(np.linalg.norm(gradient))
        if last or norm == 0:
            why = "reached"
            break
        if step == iterations:
            break
        if norm < mark / 2 or value < mark_value - MIN_RELATIVE_FALL * abs(value):
            mark, mark_value, marked = min(norm, mark), value, step
        elif step - marked >= MOST_STALLED_STEPS:
            why = f"no progress in {MOST_STALLED_STEPS} Newton steps"
            break
        forcing = min(0.1, math.sqrt(min(1.0, relative_gradient(value, gradient, u))))
        if reached:
            forcing = 1e-3
        p, predicted, count = _steihaug(objective.hessian(u), gradient, radius, forcing * norm)
        products += count
        there = u + p
        new_value, new_gradient = objective.value_and_gradient(there)
        new_norm = float(np.linalg.norm(new_gradient))
        length = float(np.linalg.norm(p))
        if predicted <= RELATIVE_FALL_OF_ROUNDING * abs(value):
            if not new_norm < norm:
                why = "rounding: a Newton step no longer lowers the gradient"
                break
        else:
            ratio = (value - new_value) / predicted if math.isfinite(new_value) else -math.inf
            if ratio < 0.25:
                radius = length / 4
            elif ratio > 0.75 and length >= 0.8 * radius:
                radius *= 2
            if ratio < 1e-4:
                if radius < 1e-14 * (1 + float(np.linalg.norm(u))):
                    why = "no step lowers the value"
                    break
                continue
        u, value, gradient = there, new_value, new_gradient
    return End(u, value, gradient, step, products, why)


def _steihaug(
    hessian: Callable[[np.ndarray], np.ndarray], gradient: np.ndarray, radius: float, residual: float
) -> tuple[np.ndarray, float, int]:
    """The step, the fall of the quadratic model along it, and the number of products."""
    p, Hp = np.zeros_like(gradient), np.zeros_like(gradient)
    r, d = gradient.copy(), -gradient
    rr = float(r @ r)
    count = 0
    for _ in range(min(MOST_PRODUCTS_A_STEP, 2 * len(gradient) + 10)):
        Hd = hessian(d)
        count += 1
        curvature = float(d @ Hd)
        if curvature <= 0:
            # Without a boundary yet the step along it is as long as the gradient's own.
            reach = radius if math.isfinite(radius) else max(1.0, float(np.linalg.norm(p)))
            s = _to_boundary(p, d, reach)
            p, Hp = p + s * d, Hp + s * Hd
            break
        s = rr / curvature
        if float(np.linalg.norm(p + s * d)) >= radius:
            s = _to_boundary(p, d, radius)
            p, Hp = p + s * d, Hp + s * Hd
            break
        p, Hp, r = p + s * d, Hp + s * Hd, r + s * Hd
        before, rr = rr, float(r @ r)
        if math.sqrt(rr) <= residual:
            break
        d = -r + (rr / before) * d
    return p, -float(gradient @ p) - 0.5 * float(p @ Hp), count


def _to_boundary(p: np.ndarray, d: np.ndarray, radius: float) -> float:
    """`s >= 0` with `|p + s d| = radius`."""
    a, b, c = float(d @ d), float(p @ d), float(p @ p) - radius**2
    root = math.sqrt(max(0.0, b * b - a * c))
    return (root - b) / a if b <= 0 else -c / (b + root)
