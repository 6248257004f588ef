"""Two interleaved spirals in the plane: `r (cos(pi r), sin(pi r))` for `r` from 0.3 to 3, and minus that."""

from __future__ import annotations

import math

import numpy as np

VERSION = 1
"""Part of the identity of the data: to be raised with any change, beyond rounding, of the points of a seed."""

INNER, OUTER = 0.3, 3.0
"""Radii at which the spirals begin and end; at the centre the classes would touch."""


def points(size: int, *, noise: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Points (size, 2), radii uniform, and labels 0, 1 in turn.

    The two arms lie a distance 1 apart along any ray; `noise` is the standard deviation added to each coordinate.
    """
    from ..random import generator

    stream = generator(seed, "data.spirals")
    labels = np.arange(size) % 2
    radius = stream.uniform(INNER, OUTER, size)
    angle = math.pi * (radius + labels)
    clean = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return clean + noise * stream.standard_normal((size, 2)), labels
