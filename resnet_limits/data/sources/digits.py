"""scikit-learn's bundled 8x8 digits: 1797 images, 10 classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from ...settings.keys import fixed, key
from .source import Data


@dataclass
class Digits(Data):
    """scikit-learn's bundled 8x8 digits: 1797 images, 10 classes."""

    name: str = fixed("digits", "scikit-learn's 8x8 images of digits, 1797 images, 10 classes")
    train_size: Optional[int] = key(1400, "number of training points; null: all", low=1, high=10**7)
