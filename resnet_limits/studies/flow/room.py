"""Least memory of the parts of the study: weights over depth, Jacobians of blocks, convolutions. Free of torch."""

from __future__ import annotations

from ..least import bytes_of_number, bytes_of_points, layers, parameters
from .outside import flow_moves
from .settings import Flow


def least_of_driven(settings: Flow, *, free: bool = True) -> float:
    """The weights of all layers and paths, one set where the layers share it, and the states."""
    if flow_moves(settings):
        return 0.0
    keys, width = settings.flow, settings.width
    numbers = (layers(settings) if free else 1) * parameters(settings.block, width) + keys.inputs * width
    return bytes_of_points(settings) + bytes_of_number(settings) * keys.paths * numbers
