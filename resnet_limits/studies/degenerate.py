"""What is degenerate about points, or about the step of a layer, in words: why there is no number to judge.

Free of torch: points are anything that numpy reads, (n, d).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..paths.laws.law import Init
from ..settings.base import Settings

LARGEST_SQUARE = 1e150
"""Mean squares of points beyond this, or below its inverse, have squares that float64 does not hold."""
FEWEST_ROUNDINGS = 1e3
"""A layer that moves states by fewer of their roundings has no error, and no law, that can be told."""


def degenerate_points(x: Any, name: str = "training point") -> str | None:
    """Which point lies at the origin, is too large or too small for float64, or equals, or is the opposite of, an
    earlier one; or None."""
    x = np.asarray(x, dtype=np.float64)
    squares = np.square(x).mean(axis=1).tolist()
    for i, q in enumerate(squares, start=1):
        if q == 0:
            return f"{name} {i} lies at the origin, where directions, angles and logarithms of norms are not defined"
        if not 1 / LARGEST_SQUARE < q < LARGEST_SQUARE:
            return f"{name} {i} has |x|^2/D = {q:.3g}, whose square is beyond float64"
    return _pair(x, squares, name)


def _pair(x: np.ndarray, squares: list[float], name: str) -> str | None:
    seen: dict[float, list[int]] = {}
    for i, q in enumerate(squares):
        for j in seen.setdefault(q, []):
            for sign, words in ((1, "are equal"), (-1, "lie opposite each other")):
                if np.array_equal(x[i], sign * x[j]):
                    return f"{name}s {j + 1} and {i + 1} {words}"
        seen[q].append(i)
    return None


def of_a_layer(init: Init, x: Any, settings: Settings, *, exponent: float = 1.0) -> str | None:
    """Why layers with weights of this law times `(T/L)^exponent` do not move these points visibly, or None."""
    size = math.sqrt(float(np.square(np.asarray(x, dtype=np.float64)).mean()))
    sigma_w, sigma_b = init.sizes()
    weights = sigma_w * size + sigma_b
    moved = weights * (settings.horizon / settings.depth) ** exponent
    if moved == 0:
        return "all weights are zero, or act on points at the origin: the states do not move"
    if moved < FEWEST_ROUNDINGS * float(np.finfo(settings.dtype).eps) * size:
        return f"horizon={settings.horizon:g}: a layer moves the states by {moved:.1e}, which their rounding hides"
    return None
