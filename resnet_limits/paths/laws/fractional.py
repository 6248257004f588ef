"""Increments of a fractional Brownian path over the blocks, scaled to unit variance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...settings.keys import fixed, key
from .law import Random, Regularity

if TYPE_CHECKING:
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
