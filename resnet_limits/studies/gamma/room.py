"""Least memory of the parts of the study: the weights of all layers, and the states of all points. Free of torch."""

from __future__ import annotations

from collections.abc import Mapping

from ...data.sizes import training_points
from ..least import DOUBLE, Least, points
from .settings import Gamma

VECTORS = 4
"""A point, its gradient, and a pair of them that L-BFGS remembers."""


def _minimiser(depth: int, width: int, count: int) -> float:
    return DOUBLE * depth * (VECTORS * (width * width + width) + 2 * count * width)


def _small(settings: Gamma) -> float:
    return _minimiser(settings.depth, settings.gamma.dimension, settings.gamma.points)


def _real(settings: Gamma) -> float:
    count = min(settings.gamma.train_points, training_points(settings.data))
    return points(settings) + _minimiser(settings.depth, settings.width, count)


def _ablation(settings: Gamma) -> float:
    """The starts of all networks, in one dimension at least."""
    return DOUBLE * settings.depth * settings.replicas * 2


LEAST: Mapping[str, Least] = {"limit": _small, "relu": _small, "real": _real, "ablation": _ablation}
