"""Lower bounds of the memory that the parts of `exponents` take. Free of torch."""

from __future__ import annotations

from ..least import BYTES_OF_SINGLE, REPLICAS_SAMPLED_AT_LEAST, bytes_of_number, parameters
from .settings import Exponents


def least_of_tape(settings: Exponents) -> float:
    """The states of all layers of the networks that are kept for a backward pass at a time, for each beta."""
    at_once = min(settings.replicas, REPLICAS_SAMPLED_AT_LEAST)
    return bytes_of_number(settings) * len(settings.scaling.beta) * at_once * settings.depth * settings.width


def least_of_one_network(settings: Exponents) -> float:
    """All weights of a network, in float32."""
    return BYTES_OF_SINGLE * settings.depth * parameters(settings.block, settings.width)
