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
        import torch

        from ..tied import TiedPath

        return TiedPath(torch.zeros(draw.replicas, *draw.shape, dtype=draw.dtype, device=draw.device), draw.horizon)
