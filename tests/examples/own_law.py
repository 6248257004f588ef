"""A law of weights of one's own: one wave of random size over the depth.

reslim train --with own_law.py init=wave_law init.waves=2
"""

import math
from dataclasses import dataclass

from resnet_limits.parts import Random, Regularity, key


@dataclass
class WaveLaw(Random):
    """One wave of random size, theta(t) = c sin(2 pi waves t / T)."""

    waves: int = key(1, "waves over the depth", low=1, high=100)
    regularity = Regularity(index=math.inf)

    def path(self, draw):
        size = draw.sigma * draw.normals(draw.shape)[:, None]  # replicas, times, shape
        frequency = 2 * math.pi * self.waves / draw.horizon
        return Wave(lambda times: size * (frequency * times).sin().to(size).reshape(1, -1, *[1] * len(draw.shape)))


@dataclass
class Wave:
    at: object
