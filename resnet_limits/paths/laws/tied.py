"""One draw, the same in every layer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...settings.keys import fixed
from .law import Random, Regularity

if TYPE_CHECKING:
    import numpy as np

    from ..path import Draw, Path


@dataclass
class TiedLaw(Random):
    """One draw, the same in every layer."""

    name: str = fixed("tied", "one draw, the same in every layer")

    @property
    def regularity(self) -> Regularity:
        return Regularity(index=math.inf, constant=True)

    def path(self, draw: Draw) -> Path:
        from ..tied import TiedPath

        return TiedPath(draw.sigma * draw.normals(draw.shape), draw.horizon)

    def autocorrelation(self, depth: int, horizon: float) -> np.ndarray:
        import numpy as np

        return np.ones(depth)
