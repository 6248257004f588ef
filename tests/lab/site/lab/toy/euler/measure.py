"""`error`: x_L against x(T) = x(0), for the integral of a whole number of waves is 0."""

from __future__ import annotations

import torch

from resnet_limits.measurement.job import Job
from resnet_limits.measurement.record import Measurement, Record
from resnet_limits.paths.function import path_of
from resnet_limits.paths.path import Draw
from resnet_limits.random import Stream


def measure(job: Job) -> Measurement:
    settings = job.settings
    h = settings.horizon / settings.depth
    draw = Draw(
        (), settings.init.sigma_w, settings.depth, settings.horizon, Stream(settings.seed, "toy w"), settings.replicas
    )
    weights = path_of(settings.init.path(draw), draw).at(h * torch.arange(settings.depth, dtype=torch.float64))
    errors = settings.toy.start * ((1 + h * weights).prod(dim=1) - 1)
    return Measurement([Record("error", float(errors.square().mean().sqrt()), reference_error=1e-15)])
