"""Regression pairs: standard Gaussian points, targets of a fixed random smooth teacher, plus noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from ...settings.keys import fixed, key
from .source import Data


@dataclass
class Gaussian(Data):
    """Regression pairs: standard Gaussian points, targets of a fixed random smooth teacher, plus noise."""

    name: str = fixed("gaussian", "regression: standard Gaussian points, targets B tanh(A x) + noise, A and B random")
    train_size: Optional[int] = key(1000, "number of training points", low=1, high=10**7)
    test_size: Optional[int] = key(500, "number of test points", low=1, high=10**7)
    features: int = key(8, "dimension of the points before the embedding", low=1, high=65536)
    outputs: int = key(1, "dimension of the targets", low=1, high=65536)
    noise: float = key(0.1, "standard deviation of the noise added to each target", low=0, high=10)
