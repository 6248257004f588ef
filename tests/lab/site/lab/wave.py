"""The path of `init=sine`."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Wave:
    """`theta(t) = size sin(2 pi waves t / horizon)`; size: (R, *shape)."""

    size: Tensor
    waves: int
    horizon: float

    def at(self, times: Tensor) -> Tensor:
        """(R, n, *shape)."""
        phase = (2 * math.pi * self.waves / self.horizon * times.reshape(-1)).sin().to(self.size)
        return self.size[:, None] * phase.reshape(1, -1, *(1 for _ in self.size.shape[1:]))
