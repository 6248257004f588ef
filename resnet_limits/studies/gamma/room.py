"""Least memory of the parts of the study: the weights of all layers, and the states of all points. Free of torch."""

from __future__ import annotations

from ..least import BYTES_OF_DOUBLE
from .settings import Gamma

VECTORS_OF_MINIMISER = 4
"""A point, its gradient, and a pair of them that L-BFGS remembers."""


def least_of_minimiser(depth: int, width: int, count: int) -> float:
    return BYTES_OF_DOUBLE * depth * (VECTORS_OF_MINIMISER * (width * width + width) + 2 * count * width)


def least_of_small(settings: Gamma) -> float:
    return least_of_minimiser(settings.depth, settings.gamma.dimension, settings.gamma.points)
