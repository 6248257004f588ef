"""Two interleaved half circles in the plane, by scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ...settings.keys import fixed
from .source import Plane

if TYPE_CHECKING:
    import numpy as np


@dataclass
class MoonsData(Plane):
    """Two interleaved half circles."""

    version: ClassVar[int] = 1

    name: str = fixed("moons", "two interleaved half circles in the plane")

    def points(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Points (n, 2) and labels 0, 1; `noise` is the standard deviation added to each coordinate."""
        import numpy as np
        from sklearn.datasets import make_moons

        from ...random import generator

        state = int(generator(seed, "data.moons").integers(2**32))
        x, y = make_moons(self.total(), noise=self.noise, random_state=state)
        return np.asarray(x), np.asarray(y)
