"""Least memory of the parts of the study: kernel matrices, and networks with full weights. Free of torch."""

from __future__ import annotations

from collections.abc import Mapping

from ...data.sizes import training_points
from ..least import DOUBLE, Least, points, sampled
from .claims.settings import unlabelled
from .request import features
from .settings import Kernel

LARGEST, LANDMARKS, IN_DOUBLE = 20_000, 1000, 4000
"""`inference.dense.LARGEST`, `inference.iterative.LANDMARKS` and `accuracy.IN_DOUBLE`."""
KEPT = 2**30
"""`inference.iterative.KEPT`"""
SINGLE = 4


def _networks(settings: Kernel) -> float:
    return points(settings) + sampled(settings, vectors=2)


def _weights(settings: Kernel) -> float:
    """One network with its weights, and again as they were drawn: its full matrices."""
    depth = min(settings.depth, settings.kernel.trained_depth)
    read_in = SINGLE * settings.width * (features(settings) or 0)
    return points(settings) + 2 * SINGLE * depth * settings.width**2 + read_in


def _entries(settings: Kernel) -> float:
    return max(_weights(settings), points(settings) + sampled(settings, vectors=settings.kernel.inputs))


def _accuracy(settings: Kernel) -> float:
    """The deep block's kernel matrix, or the preconditioner of its iteration."""
    if unlabelled(settings):
        return points(settings)
    n = min(settings.kernel.deep_points, training_points(settings.data))
    if n > LARGEST:  # while it is made the preconditioner is there twice, then once beside the blocks that are kept
        once = DOUBLE * n * LANDMARKS
        return points(settings) + max(2 * once, once + min(KEPT, SINGLE * n * n / 2))
    return points(settings) + (DOUBLE if n <= IN_DOUBLE else SINGLE) * n * n


LEAST: Mapping[str, Least] = {
    "moments": points,
    "entries": _entries,
    "diagram": _networks,
    "drift": points,
    "expressivity": points,
    "inference": _weights,
    "accuracy": _accuracy,
}
