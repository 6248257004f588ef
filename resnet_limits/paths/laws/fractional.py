"""Increments of a fractional Brownian path over the blocks, scaled to unit variance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...settings.keys import fixed, key
from .law import Random, Regularity

if TYPE_CHECKING:
    import numpy as np

    from ..path import Draw, Path


@dataclass
class FractionalLaw(Random):
    """Increments of a fractional Brownian path over the blocks, scaled to unit variance."""

    name: str = fixed("fractional", "increments of a fractional Brownian path, of unit variance")
    hurst: float = key(0.25, "Hurst index of the fractional Brownian path", above=0, below=1)

    @property
    def regularity(self) -> Regularity:
        return Regularity(index=self.hurst, increments=True)

    def path(self, draw: Draw) -> Path:
        from ..fractional import increments_path

        return increments_path(self.hurst, draw)

    def autocorrelation(self, depth: int, horizon: float) -> np.ndarray:
        import numpy as np

        k, twice = np.arange(depth), 2 * self.hurst
        return ((k + 1.0) ** twice - 2 * k**twice + abs(k - 1.0) ** twice) / 2
