"""Two interleaved half circles in the plane, by scikit-learn."""

from __future__ import annotations

import numpy as np

VERSION = 1
"""Part of the identity of the data: to be raised with any change, beyond rounding, of the points of a seed."""


def points(size: int, *, noise: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Points (size, 2) and labels 0, 1; `noise` is the standard deviation added to each coordinate."""
    from sklearn.datasets import make_moons

    from ..random import generator

    state = int(generator(seed, "data.moons").integers(2**32))
    x, y = make_moons(size, noise=noise, random_state=state)
    return np.asarray(x), np.asarray(y)
