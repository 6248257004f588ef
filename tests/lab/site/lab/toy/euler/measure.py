"""`error`: x_L against x(T) = x(0), for the integral of a whole number of waves is 0."""

from __future__ import annotations

import torch

from resnet_limits.measurement.job import Job
from resnet_limits.measurement.record import Measurement, Record
from resnet_limits.paths.path import Draw
from resnet_limits.random import Stream


def measure(job: Job) -> Measurement:
    its = job.settings
    h = its.horizon / its.depth
    draw = Draw((), its.init.sigma_w, its.depth, its.horizon, Stream(its.seed, "toy w"), its.replicas)
    weights = its.init.path(draw).at(h * torch.arange(its.depth, dtype=torch.float64))
    errors = its.toy.start * ((1 + h * weights).prod(dim=1) - 1)
    return Measurement([Record("error", float(errors.square().mean().sqrt()), reference_error=1e-15)])
