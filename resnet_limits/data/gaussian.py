"""Standard Gaussian points, `y = 1{<n, x> > 0}` with a random normal `n`: two classes divided by a hyperplane."""

from __future__ import annotations

import numpy as np

from ..random import generator


def points(size: int, *, features: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Points (size, features), independent N(0, 1) entries, and labels 0, 1."""
    normal = generator(seed, "data.gaussian.hyperplane").standard_normal(features)
    x = generator(seed, "data.gaussian.points").standard_normal((size, features))
    return x, (x @ normal > 0).astype(np.int64)
