"""A deep tanh flow: `y` is what `steps` layers with given weights make of `x`, both of length one.

    z_0 = x,    z_{k+1} = z_k + K^(-1/2) tanh(sin(5 pi k/K) z_k + cos(5 pi k/K)),    k = 0..K-1
    x ~ U(-1, 1)^d;    points x/|x|,    targets z_K/|z_K|

Source: Cohen, Cont, Rossier & Xu 2021 (arXiv 2105.12245), section 4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Optional

from ...settings.keys import fixed, key
from .source import Generated

if TYPE_CHECKING:
    import numpy as np


@dataclass
class TanhFlowData(Generated):
    """Regression pairs: uniform points, targets that a deep tanh flow makes of them, of length one as they stand."""

    version: ClassVar[int] = 1
    as_given: ClassVar[bool] = True

    name: str = fixed("tanh_flow", "regression: uniform points and what a deep tanh flow makes of them, of length one")
    train_size: Optional[int] = key(1024, "number of training points", low=1, high=10**7)
    test_size: Optional[int] = key(256, "number of test points", low=1, high=10**7)
    features: int = key(10, "dimension of the points and of the targets", low=1, high=65536)
    steps: int = key(100, "layers K of the flow", low=1, high=10**6)

    def classes(self) -> int:
        return 0

    def targets(self) -> int:
        return self.features

    def dimension(self) -> int:
        return self.features

    def points(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Points and targets (n, features), float64, of length one each."""
        from ...random import generator

        x = generator(seed, "data.tanh_flow.points").uniform(-1.0, 1.0, (self.total(), self.features))
        return _of_length_one(x), _of_length_one(tanh_flow(x, self.steps))


def tanh_flow(x: np.ndarray, steps: int) -> np.ndarray:
    """`z_K` from `z_0 = x`, (n, d)."""
    import numpy as np

    z = x
    for k in range(steps):
        angle = 5 * math.pi * k / steps
        z = z + np.tanh(math.sin(angle) * z + math.cos(angle)) / math.sqrt(steps)
    return z


def _of_length_one(x: np.ndarray) -> np.ndarray:
    import numpy as np

    return x / np.linalg.norm(x, axis=1, keepdims=True)
