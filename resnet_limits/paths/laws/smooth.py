"""A Gaussian process in time with covariance `exp(-(t - s)^2 / (2 correlation^2))`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...settings.keys import fixed, key
from .law import Random, Regularity

if TYPE_CHECKING:
    import numpy as np

    from ..path import Draw, Path


@dataclass
class SmoothLaw(Random):
    """A Gaussian process in time with covariance `exp(-(t - s)^2 / (2 correlation^2))`."""

    name: str = fixed("smooth", "a smooth Gaussian process in time")
    correlation: float = key(0.5, "correlation length of the weights, in units of time", low=0.01, high=1000)

    @property
    def regularity(self) -> Regularity:
        return Regularity(index=math.inf)

    def path(self, draw: Draw) -> Path:
        from ..smooth import smooth_path

        return smooth_path(self.correlation, draw)

    def autocorrelation(self, depth: int, horizon: float) -> np.ndarray:
        import numpy as np

        return np.exp(-((np.arange(depth) * horizon / depth / self.correlation) ** 2) / 2)
