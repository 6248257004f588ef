"""All weights and biases zero."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...settings.keys import fixed
from .law import Init, Regularity, Sizes

if TYPE_CHECKING:
    from ..path import Draw, Path


@dataclass
class ZeroLaw(Init):
    """All weights and biases zero."""

    name: str = fixed("zero", "all weights and biases zero")

    @property
    def regularity(self) -> Regularity:
        return Regularity(index=math.inf, constant=True)

    def sizes(self) -> Sizes:
        return Sizes(0.0, 0.0)

    def path(self, draw: Draw) -> Path:
        from ..zero import zero_path

        return zero_path(draw)
