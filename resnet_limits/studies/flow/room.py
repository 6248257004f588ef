"""Least memory of the parts of the study: weights over depth, Jacobians of blocks, convolutions. Free of torch."""

from __future__ import annotations

from collections.abc import Mapping

from ..least import DOUBLE, Least, number, parameters, points
from .claims.settings import moves, smooth_path, stretches
from .claims.trained import unlabelled
from .settings import Flow

SINGLE = 4
TOGETHER = 8
"""`folding.PIECE`"""


def _driven(settings: Flow, *, free: bool = True) -> float:
    """The weights of all layers and paths, one set where the layers share it, and the states."""
    if moves(settings):
        return 0.0
    layers = settings.depth if free and settings.init.name != "tied" else 1
    its, width = settings.flow, settings.width
    numbers = layers * parameters(settings.block, width) + its.inputs * width
    return points(settings) + number(settings) * its.paths * numbers


def _maps(settings: Flow) -> float:
    return _driven(settings, free=smooth_path(settings) is None)


def _symplectic(settings: Flow) -> float:
    """The states of all layers, of two coordinates at least."""
    its = settings.flow
    return points(settings) + DOUBLE * settings.depth * its.paths * its.inputs * 2


def _folding(settings: Flow) -> float:
    """Jacobians of one block at all points."""
    if stretches(settings):
        return 0.0
    its = min(settings.replicas, TOGETHER)
    return points(settings) + DOUBLE * its * settings.flow.points * settings.width**2


def _trained(settings: Flow) -> float:
    """Weights and gradients of networks with weights of their own in each layer."""
    if unlabelled(settings):
        return 0.0
    depth = min(settings.depth, settings.flow.trained_depth)
    layer = parameters(settings.block, settings.width)
    return points(settings) + 2 * number(settings) * settings.train.replicas * depth * layer


def _images(settings: Flow) -> float:
    """The kernels of a unit of the last stage, and their gradients."""
    its = settings.flow.images
    return 2 * SINGLE * its.replicas * 9 * (4 * its.channels) ** 2


LEAST: Mapping[str, Least] = {
    "maps": _maps,
    "inverse": _driven,
    "symplectic": _symplectic,
    "folding": _folding,
    "trained": _trained,
    "images": _images,
}
