"""A law of weights of one's own: reslim train --with own_law.py init=wave_law init.waves=2"""

import math
from dataclasses import dataclass
from types import SimpleNamespace

from resnet_limits.parts import Random, Regularity, checked, key


@dataclass
class WaveLaw(Random):
    """Waves of random size and phase, c cos(2 pi waves t/T) + s sin(2 pi waves t/T)."""

    waves: int = key(1, "waves over the depth", low=1, high=100)
    regularity = Regularity(index=math.inf)  # pyright: ignore[reportAssignmentType]

    def path(self, draw):
        c, s = (draw.sigma * draw.normals((2, 1, *draw.shape))).unbind(1)  # replicas, one time, shape

        def at(times):
            phase = 2 * math.pi * self.waves / draw.horizon * checked(times, draw.horizon)
            cos, sin = (wave.to(c).reshape(-1, *[1] * len(draw.shape)) for wave in (phase.cos(), phase.sin()))
            return c * cos + s * sin

        return SimpleNamespace(at=at)
