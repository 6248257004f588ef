"""Values of a fractional Brownian path: O(1), continuous, Hoelder of every order below `hurst`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...settings.keys import fixed, key
from .law import Random, Regularity

if TYPE_CHECKING:
    from ..path import Draw, Path


@dataclass
class RoughLaw(Random):
    """Values of a fractional Brownian path: O(1), continuous, Hoelder of every order below `hurst`."""

    name: str = fixed("rough", "values of a fractional Brownian path")
    hurst: float = key(0.25, "Hurst index of the fractional Brownian path", above=0, below=1)

    @property
    def regularity(self) -> Regularity:
        return Regularity(index=self.hurst)

    def path(self, draw: Draw) -> Path:
        from ..rough import rough_path

        return rough_path(self.hurst, draw)
