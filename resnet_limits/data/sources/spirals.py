"""Two interleaved spirals in the plane: `r (cos(pi r), sin(pi r))` for `r` from 0.3 to 3, and minus that."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ...settings.keys import fixed
from .source import Plane

if TYPE_CHECKING:
    import numpy as np

INNER_RADIUS, OUTER_RADIUS = 0.3, 3.0
"""Radii at which the spirals begin and end; at the centre the classes would touch."""


@dataclass
class SpiralsData(Plane):
    """Two interleaved spirals."""

    version: ClassVar[int] = 1
    entwined = True

    name: str = fixed("spirals", "two interleaved spirals in the plane")

    def points(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Points (n, 2), radii uniform, and labels 0, 1 in turn.

        The two arms lie a distance 1 apart along any ray; `noise` is the standard deviation added to each coordinate.
        """
        import numpy as np

        from ...random import generator

        size, stream = self.total(), generator(seed, "data.spirals")
        labels = np.arange(size) % 2
        radius = stream.uniform(INNER_RADIUS, OUTER_RADIUS, size)
        angle = math.pi * (radius + labels)
        clean = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        return clean + self.noise * stream.standard_normal((size, 2)), labels
