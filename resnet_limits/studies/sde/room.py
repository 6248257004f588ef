"""Least memory of the parts of the study: the networks sampled at a time, and a few numbers of each. Free of torch."""

from __future__ import annotations

from ...data.sources.gaussian import GaussianData
from ..least import bytes_of_points, bytes_of_samples
from .settings import Sde


def least_of_inputs(settings: Sde) -> float:
    """The data set where the inputs are points of one."""
    return 0.0 if isinstance(settings.data, GaussianData) else bytes_of_points(settings)


def least_of_one(settings: Sde) -> float:
    return least_of_inputs(settings) + bytes_of_samples(settings, vectors=1)
