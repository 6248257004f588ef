"""Two concentric circles."""

from __future__ import annotations

from dataclasses import dataclass

from ...settings.keys import fixed
from .source import Plane


@dataclass
class Circles(Plane):
    """Two concentric circles."""

    name: str = fixed("circles", "two concentric circles in the plane")
