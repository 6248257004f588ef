"""Two interleaved spirals."""

from __future__ import annotations

from dataclasses import dataclass

from ...settings.keys import fixed
from .source import Plane


@dataclass
class Spirals(Plane):
    """Two interleaved spirals."""

    name: str = fixed("spirals", "two interleaved spirals in the plane")
