"""Least memory of the parts of the study: weights over depth, and their gradients. Free of torch."""

from __future__ import annotations

from collections.abc import Mapping

from ...networks.blocks.two import Two
from ..least import Least, number, parameters, points
from .claims import RANDOM_START, reads_a_continuous_path, smooth_field
from .settings import Ode

TOGETHER = 32
"""Replicas run at a time, at most what `averaged.BLOCK` says."""


def _weights(settings: Ode) -> float:
    """Of all layers and paths; one set where the layers share it."""
    layers = 1 if settings.init.name in ("tied", "zero") else settings.depth
    return number(settings) * settings.ode.paths * layers * parameters(settings.block, settings.width)


def _gradients(settings: Ode) -> float:
    """Of every layer, also where the layers share their weights."""
    return number(settings) * settings.ode.paths * settings.depth * parameters(settings.block, settings.width)


def _states(settings: Ode) -> float:
    return number(settings) * settings.ode.paths * settings.ode.inputs * settings.width


def _forward(settings: Ode) -> float:
    if reads_a_continuous_path(settings):
        return 0.0
    return points(settings) + _weights(settings) + _states(settings)


def _gradient(settings: Ode) -> float:
    if smooth_field(settings):
        return 0.0
    return points(settings) + _weights(settings) + _gradients(settings) + _states(settings)


def _reversed(settings: Ode) -> float:
    if smooth_field(settings):
        return 0.0
    return points(settings) + _weights(settings) + 2 * _gradients(settings) + settings.depth * _states(settings)


def _averaged(settings: Ode) -> float:
    its = min(settings.replicas, TOGETHER)
    return points(settings) + number(settings) * its * settings.depth * settings.width * (settings.width + 1)


def _rough(settings: Ode) -> float:
    return points(settings)


def _trained(settings: Ode) -> float:
    hidden = settings.block.hidden if isinstance(settings.block, Two) else 2 * settings.width
    layer = parameters(Two(hidden=hidden), settings.width)
    return points(settings) + 2 * number(settings) * settings.train.replicas * settings.depth * layer


def _random_start(settings: Ode) -> float:
    """The weights of depth 2L of all draws, from which those of depth L are taken."""
    width = RANDOM_START["width"]
    hidden = settings.block.hidden if isinstance(settings.block, Two) else 2 * width
    layer = parameters(Two(hidden=hidden), width)
    return points(settings) + number(settings) * settings.ode.draws * 2 * settings.depth * layer


LEAST: Mapping[str, Least] = {
    "forward": _forward,
    "gradient": _gradient,
    "reversed": _reversed,
    "averaged": _averaged,
    "rough": _rough,
    "trained": _trained,
    "trained_iid": _trained,
    "random_start": _random_start,
}
