"""Gaussian regression pairs: `y = B tanh(A x) + noise`, `x ~ N(0, I)`, with a fixed random teacher `A`, `B`.

`A` is (hidden, features) with entries N(0, 2/features), so that tanh is not linear; `B` is (outputs, hidden) with
entries N(0, 1/hidden), hidden = 4 features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Optional

from ...settings.keys import fixed, key
from .source import Generated

if TYPE_CHECKING:
    import numpy as np


@dataclass
class GaussianData(Generated):
    """Regression pairs: standard Gaussian points, targets of a fixed random smooth teacher, plus noise."""

    version: ClassVar[int] = 1

    name: str = fixed("gaussian", "regression: standard Gaussian points, targets B tanh(A x) + noise, A and B random")
    train_size: Optional[int] = key(1000, "number of training points", low=1, high=10**7)
    test_size: Optional[int] = key(500, "number of test points", low=1, high=10**7)
    features: int = key(8, "dimension of the points before the embedding", low=1, high=65536)
    outputs: int = key(1, "dimension of the targets", low=1, high=65536)
    noise: float = key(0.1, "standard deviation of the noise added to each target", low=0, high=10)

    def classes(self) -> int:
        return 0

    def targets(self) -> int:
        return self.outputs

    def dimension(self) -> int:
        return self.features

    def points(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Points (n, features) and targets (n, outputs), float64; `noise` is added to each target, N(0, noise^2)."""
        import numpy as np

        from ...random import generator

        inner, outer = teacher(features=self.features, outputs=self.outputs, seed=seed)
        size = self.total()
        x = generator(seed, "data.gaussian.points").standard_normal((size, self.features))
        added = self.noise * generator(seed, "data.gaussian.noise").standard_normal((size, self.outputs))
        return x, np.tanh(x @ inner.T) @ outer.T + added


def teacher(*, features: int, outputs: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """`A` (hidden, features) and `B` (outputs, hidden), functions of the seed."""
    from ...random import generator

    stream = generator(seed, "data.gaussian.teacher")
    hidden = 4 * features
    inner = stream.standard_normal((hidden, features)) * (2 / features) ** 0.5
    return inner, stream.standard_normal((outputs, hidden)) / hidden**0.5
