"""Two concentric circles in the plane, the inner of half the radius, by scikit-learn."""

from __future__ import annotations

import numpy as np

VERSION = 1
"""Part of the identity of the data: to be raised with any change, beyond rounding, of the points of a seed."""


def points(size: int, *, noise: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Points (size, 2) and labels 0 (outer), 1 (inner); `noise` is the standard deviation added to each coordinate."""
    from sklearn.datasets import make_circles

    from ..random import generator

    state = int(generator(seed, "data.circles").integers(2**32))
    x, y = make_circles(size, noise=noise, factor=0.5, random_state=state)
    return np.asarray(x), np.asarray(y)
