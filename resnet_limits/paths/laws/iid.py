"""Independent from layer to layer."""

from __future__ import annotations

from dataclasses import dataclass

from ...settings.keys import fixed
from .law import Random


@dataclass
class Iid(Random):
    """Independent from layer to layer."""

    name: str = fixed("iid", "independent from layer to layer")
