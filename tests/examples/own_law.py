"""A law of weights of one's own: reslim train --with own_law.py init=wave_law init.waves=2"""

import math

import torch

import resnet_limits as rl


class WaveLaw(rl.Random):
    """Waves of random size and phase, c cos(2 pi waves t/T) + s sin(2 pi waves t/T)."""

    waves: int = rl.key(1, "waves over the depth", low=1, high=100)
    regularity = math.inf  # derivatives of every order # pyright: ignore[reportAssignmentType]

    def path(self, draw):
        c, s = (draw.sigma * draw.normals((2, *draw.shape))).unbind(1)  # (replicas, *shape) each
        speed = 2 * math.pi * self.waves / draw.horizon
        return lambda t: c * torch.cos(speed * t) + s * torch.sin(speed * t)
