"""Values of a fractional Brownian path: O(1), continuous, Hoelder of every order below `hurst`."""

from __future__ import annotations

from dataclasses import dataclass

from ...settings.keys import fixed, key
from .law import Random


@dataclass
class Rough(Random):
    """Values of a fractional Brownian path: O(1), continuous, Hoelder of every order below `hurst`."""

    name: str = fixed("rough", "values of a fractional Brownian path")
    hurst: float = key(0.25, "Hurst index of the fractional Brownian path", above=0, below=1)
