"""Least memory of the parts of the study: the weights of all layers, and the states of all points. Free of torch."""

from __future__ import annotations

from ..least import DOUBLE, points
from .settings import Hamiltonian

VECTORS = 4
"""A point, its gradient, and a pair of them that L-BFGS remembers."""


def least_of_minimiser(settings: Hamiltonian) -> float:
    keys, d = settings.hamiltonian, settings.width
    row = keys.points if keys.kernel == "gaussian" else d + 1
    return points(settings) + DOUBLE * settings.depth * (VECTORS * d * row + 2 * keys.points * d)
