"""One wave of random size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from resnet_limits.paths.laws.law import Random
from resnet_limits.settings.keys import fixed, key

if TYPE_CHECKING:
    from resnet_limits.paths.path import Draw, Path


@dataclass
class Sine(Random):
    """`theta(t) = sigma c sin(2 pi waves t / T)`, c standard normal, one for each entry."""

    name: str = fixed("sine", "one wave of random size")
    waves: int = key(1, "waves over the depth", low=1, high=100)

    def path(self, draw: Draw) -> Path:
        from .wave import Wave

        return Wave(draw.sigma * draw.normals(draw.shape), self.waves, draw.horizon)
