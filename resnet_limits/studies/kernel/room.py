"""Least memory of the parts of the study: kernel matrices, and networks with full weights. Free of torch."""

from __future__ import annotations

from ..least import BYTES_OF_SINGLE, bytes_of_points
from .request import features
from .settings import Kernel


def least_of_full_matrices(settings: Kernel) -> float:
    """One network with its weights, and again as they were drawn: its full matrices."""
    depth = min(settings.depth, settings.kernel.trained_depth)
    read_in = BYTES_OF_SINGLE * settings.width * (features(settings) or 0)
    return bytes_of_points(settings) + 2 * BYTES_OF_SINGLE * depth * settings.width**2 + read_in
