"""Lower bounds of the memory that the parts of a study take, from the settings of a job.

    least bytes of a part  =  arrays that it cannot do without, all at once  <=  what it takes

Each study says its own in `studies/STUDY/room.py`. Free of torch and numpy: a request is refused at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..data.sources.source import Generated
from ..networks.blocks.block import Block
from ..settings.base import Settings

Least = Callable[[Any], float]
"""From the settings of a job to bytes."""


BYTES_OF_SINGLE, BYTES_OF_DOUBLE = 4, 8
REPLICAS_SAMPLED_AT_LEAST = 32
"""Replicas that are sampled at a time, if there are so many: at most `sampling.pieces.REPLICAS_OF_SMALLEST_PIECE`."""


def bytes_of_number(settings: Settings) -> int:
    """Bytes of a number in the settings' format."""
    return {"float32": 4, "float64": 8}[settings.dtype]


def little(settings: Settings) -> float:
    """Of a part whose arrays stay small whatever the keys are, or are made piece by piece."""
    return 0.0


def bytes_of_points(settings: Any) -> float:
    """Generated points: all of them and, standardised, the training points again."""
    data = settings.data
    return BYTES_OF_DOUBLE * data.total() * data.dimension() if isinstance(data, Generated) else 0.0


def layers(settings: Any) -> int:
    """Layers with weights of their own, at least: one where they share them, or may do so."""
    known = settings.init.regularity
    return 1 if known is None or known.constant else settings.depth


def parameters(block: Block, width: int) -> int:
    """Numbers of one layer with this block."""
    return sum(math.prod(shape) for shape in block.shapes(width).values())


def bytes_of_samples(settings: Any, *, vectors: int) -> float:
    """States and normals of the networks sampled at a time, where the weights of a layer act on so many vectors.

    A row of the weights takes as many normals as there are vectors, or, if they are many (`sampling.span.many`), as
    coordinates.
    """
    d = settings.width + 1
    many = vectors > d or vectors * vectors > 10 * d
    known = settings.init.regularity
    rows = d if many and known is not None and known.isotropic else vectors
    piece = min(settings.replicas, REPLICAS_SAMPLED_AT_LEAST)
    return bytes_of_number(settings) * piece * settings.width * (vectors + rows)
