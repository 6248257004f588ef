"""The plateau of a distance that is said to tend to 0: `d_inf` in `d_L = d_inf + c/L^p`, whatever `p > 0`.

    d_inf = d_4 - (d_4 - d_2)^2 / ((d_4 - d_2) - (d_2 - d_1))        d_1, d_2, d_4 at depths L, 2L, 4L

(Aitken's delta squared: the three distances determine c and p.) That a distance falls does not say that it tends to
0: with a plateau of a thousandth of the first distance its order looks like that of one that does. The error is half
of what the extrapolation changes by from the triple before, of half the depths: what `e/L^2` beside `c/L` leaves falls
by 4 from one to the next, and is a third of the change.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

FEWEST_DEPTHS = 4
"""Depths that double: two triples, so that the extrapolation has an error."""


def plateau(distances: Sequence[float]) -> tuple[float, float]:
    """`(d_inf, error)` of distances at depths that double, at least `FEWEST_DEPTHS`; nan where they do not change.

    Raises `ValueError` for fewer.
    """
    if len(distances) < FEWEST_DEPTHS:
        raise ValueError(f"a plateau with an error needs {FEWEST_DEPTHS} depths that double, got {len(distances)}")
    d = np.asarray(distances[-FEWEST_DEPTHS:], dtype=float)
    step = np.diff(d)
    with np.errstate(divide="ignore", invalid="ignore"):
        before, last = d[2:] - step[1:] ** 2 / np.diff(step)
    return float(last), float(abs(last - before)) / 2


def doubling(depths: Sequence[int]) -> list[int]:
    """The depths L, L/2, L/4, ... below the deepest that are there, by increasing depth."""
    halved = [max(depths)] if depths else []
    while halved and halved[0] % 2 == 0 and halved[0] // 2 in depths:
        halved.insert(0, halved[0] // 2)
    return halved
