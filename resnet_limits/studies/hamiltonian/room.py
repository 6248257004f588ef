"""Least memory of the parts of the study: the weights of all layers, and the states of all points. Free of torch."""

from __future__ import annotations

from ...limits.hamiltonian.kernels.kernel import OperatorKernel
from ..least import BYTES_OF_DOUBLE, bytes_of_points
from .settings import Hamiltonian

VECTORS_OF_MINIMISER = 4
"""A point, its gradient, and a pair of them that L-BFGS remembers."""


def least_of_gram(settings: Hamiltonian) -> float:
    """Points, and a number for each pair of those that a network moves."""
    return bytes_of_points(settings) + BYTES_OF_DOUBLE * float(settings.hamiltonian.points) ** 2


def least_of_solution(settings: Hamiltonian) -> float:
    keys, d = settings.hamiltonian, settings.width
    kernel = OperatorKernel.options[keys.kernel]
    row = d + keys.bias if kernel.of_activation else keys.points
    weights = d * row if kernel.scalar else 0  # a filter is small
    return bytes_of_points(settings) + BYTES_OF_DOUBLE * settings.depth * (
        VECTORS_OF_MINIMISER * weights + 2 * keys.points * d
    )
