"""Least memory of the parts of the study: weights over depth, and their gradients. Free of torch."""

from __future__ import annotations

from ..least import layers, number, parameters, points
from .settings import Ode, two_matrices


def least_of_weights(settings: Ode) -> float:
    """Of all layers and paths; one set where the layers share it."""
    return number(settings) * settings.ode.paths * layers(settings) * parameters(settings.block, settings.width)


def least_of_gradients(settings: Ode) -> float:
    """Of every layer, also where the layers share their weights."""
    return number(settings) * settings.ode.paths * settings.depth * parameters(settings.block, settings.width)


def least_of_states(settings: Ode) -> float:
    return number(settings) * settings.ode.paths * settings.ode.inputs * settings.width


def least_of_trained(settings: Ode) -> float:
    layer = parameters(two_matrices(settings, settings.width), settings.width)
    return points(settings) + 2 * number(settings) * settings.train.replicas * settings.depth * layer
