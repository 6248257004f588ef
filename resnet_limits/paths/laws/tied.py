"""One draw, the same in every layer."""

from __future__ import annotations

from dataclasses import dataclass

from ...settings.keys import fixed
from .law import Random


@dataclass
class Tied(Random):
    """One draw, the same in every layer."""

    name: str = fixed("tied", "one draw, the same in every layer")
