"""Gaussian regression pairs: `y = B tanh(A x) + noise`, `x ~ N(0, I)`, with a fixed random teacher `A`, `B`.

`A` is (hidden, features) with entries N(0, 2/features), so that tanh is not linear; `B` is (outputs, hidden) with
entries N(0, 1/hidden), hidden = 4 features.
"""

from __future__ import annotations

import numpy as np

VERSION = 1
"""Part of the identity of the data: to be raised with any change, beyond rounding, of the points of a seed."""


def teacher(*, features: int, outputs: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """`A` (hidden, features) and `B` (outputs, hidden), functions of the seed."""
    from ..random import generator

    stream = generator(seed, "data.gaussian.teacher")
    hidden = 4 * features
    inner = stream.standard_normal((hidden, features)) * (2 / features) ** 0.5
    return inner, stream.standard_normal((outputs, hidden)) / hidden**0.5


def points(size: int, *, features: int, outputs: int, noise: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Points (size, features) and targets (size, outputs), float64; `noise` is added to each target, N(0, noise^2)."""
    from ..random import generator

    inner, outer = teacher(features=features, outputs=outputs, seed=seed)
    x = generator(seed, "data.gaussian.points").standard_normal((size, features))
    added = noise * generator(seed, "data.gaussian.noise").standard_normal((size, outputs))
    return x, np.tanh(x @ inner.T) @ outer.T + added
