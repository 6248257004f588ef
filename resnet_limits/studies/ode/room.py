"""Least memory of the parts of the study: weights over depth, and their gradients. Free of torch."""

from __future__ import annotations

from ..least import bytes_of_number, bytes_of_points, layers, parameters
from .settings import Ode, two_matrices


def least_of_weights(settings: Ode) -> float:
    """Of all layers and paths; one set where the layers share it."""
    return (
        bytes_of_number(settings) * settings.ode.paths * layers(settings) * parameters(settings.block, settings.width)
    )


def least_of_gradients(settings: Ode) -> float:
    """Of every layer, also where the layers share their weights."""
    return bytes_of_number(settings) * settings.ode.paths * settings.depth * parameters(settings.block, settings.width)


def least_of_states(settings: Ode) -> float:
    return bytes_of_number(settings) * settings.ode.paths * settings.ode.inputs * settings.width


def least_of_trained(settings: Ode) -> float:
    layer = parameters(two_matrices(settings, settings.width), settings.width)
    return bytes_of_points(settings) + 2 * bytes_of_number(settings) * settings.train.replicas * settings.depth * layer
