"""Two interleaved half circles."""

from __future__ import annotations

from dataclasses import dataclass

from ...settings.keys import fixed
from .source import Plane


@dataclass
class Moons(Plane):
    """Two interleaved half circles."""

    name: str = fixed("moons", "two interleaved half circles in the plane")
