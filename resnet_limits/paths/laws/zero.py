"""All weights and biases zero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...settings.keys import fixed
from .law import Init

if TYPE_CHECKING:
    from ..path import Draw, Path


@dataclass
class Zero(Init):
    """All weights and biases zero."""

    name: str = fixed("zero", "all weights and biases zero")

    def path(self, draw: Draw) -> Path:
        from ..zero import zero_path

        return zero_path(draw)
