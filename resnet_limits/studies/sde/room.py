"""Least memory of the parts of the study: the networks sampled at a time, and a few numbers of each. Free of torch."""

from __future__ import annotations

from collections.abc import Mapping

from ...data.sources.gaussian import Gaussian
from ..least import DOUBLE, SMALLEST_PIECE, Least, little, number, points, sampled
from .claims.settings import growth, kinked, overflows
from .settings import Sde

PAIRS = 40
"""`law.PAIRS`"""
POSITIONS = 16
"""Pixels of the images of `convolutional`."""


def _inputs(settings: Sde) -> float:
    """The data set where the inputs are points of one."""
    return 0.0 if isinstance(settings.data, Gaussian) else points(settings)


def _strong(settings: Sde) -> float:
    return _inputs(settings) + sampled(settings, vectors=2 * settings.sde.inputs) + DOUBLE * settings.replicas


def _weak(settings: Sde) -> float:
    """States, and two functionals of each network with their controls, at depths L and 2L."""
    if kinked(settings):  # the mean alone, of a quarter of the networks
        return _inputs(settings) + sampled(settings, vectors=2) + 2 * DOUBLE * 2 * (settings.replicas // 4)
    n = min(2, settings.sde.inputs)
    return _inputs(settings) + sampled(settings, vectors=2 * n) + 2 * DOUBLE * 2 * n * settings.replicas


def _law(settings: Sde) -> float:
    """The final states of all pairs of network and scheme."""
    return _inputs(settings) + 2 * DOUBLE * PAIRS * settings.replicas * settings.width


def _backward(settings: Sde) -> float:
    """The states of all layers on the tape."""
    return (
        _inputs(settings) + number(settings) * min(settings.replicas, SMALLEST_PIECE) * settings.depth * settings.width
    )


def _prenorm(settings: Sde) -> float:
    """What each network moved by, of both blocks."""
    moved = 2 * DOUBLE * settings.replicas * settings.sde.inputs * settings.width
    return _inputs(settings) + moved + sampled(settings, vectors=settings.sde.inputs)


def _deep(settings: Sde) -> float:
    if overflows(growth(settings)):
        return _inputs(settings)
    return _inputs(settings) + sampled(settings, vectors=settings.sde.inputs)


def _convolutional(settings: Sde) -> float:
    """Covariances of all positions and inputs, of every network."""
    return number(settings) * max(settings.replicas // 32, 2) * (POSITIONS * settings.sde.inputs) ** 2


def _one(settings: Sde) -> float:
    return _inputs(settings) + sampled(settings, vectors=1)


LEAST: Mapping[str, Least] = {
    "strong": _strong,
    "weak": _weak,
    "law": _law,
    "matrix_normal": little,
    "correlation": _one,
    "functions": _one,
    "backward": _backward,
    "deep": _deep,
    "prenorm": _prenorm,
    "convolutional": _convolutional,
    "explosion": _one,
}
