"""Two concentric circles in the plane, the inner of half the radius, by scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ...settings.keys import fixed
from .source import Plane

if TYPE_CHECKING:
    import numpy as np


@dataclass
class CirclesData(Plane):
    """Two concentric circles."""

    version: ClassVar[int] = 1
    entwined = True

    name: str = fixed("circles", "two concentric circles in the plane")

    def points(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Points (n, 2) and labels 0 (outer), 1 (inner); `noise` is the standard deviation added to each coordinate."""
        import numpy as np
        from sklearn.datasets import make_circles

        from ...random import generator

        state = int(generator(seed, "data.circles").integers(2**32))
        x, y = make_circles(self.total(), noise=self.noise, factor=0.5, random_state=state)
        return np.asarray(x), np.asarray(y)
