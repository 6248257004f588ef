"""Least memory of the parts of the study: the weights of all layers, and the states of all points. Free of torch."""

from __future__ import annotations

from ...limits.hamiltonian.kernels.kernel import OperatorKernel
from ..least import BYTES_OF_DOUBLE, bytes_of_points
from .settings import Hamiltonian

VECTORS_OF_MINIMISER = 4
"""A point, its gradient, and a pair of them that L-BFGS remembers."""


def least_of_solution(settings: Hamiltonian) -> float:
    keys, d = settings.hamiltonian, settings.width
    row = d + keys.bias if OperatorKernel.options[keys.kernel].of_activation else keys.points
    return bytes_of_points(settings) + BYTES_OF_DOUBLE * settings.depth * (
        VECTORS_OF_MINIMISER * d * row + 2 * keys.points * d
    )
