"""Independent from layer to layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...settings.keys import fixed
from .law import Random

if TYPE_CHECKING:
    from ..path import Draw, Path


@dataclass
class Iid(Random):
    """Independent from layer to layer."""

    name: str = fixed("iid", "independent from layer to layer")

    def path(self, draw: Draw) -> Path:
        from ..iid import iid_path

        return iid_path(draw)
