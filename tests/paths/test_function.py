"""Paths that are a plain function of time obey the laws of all paths."""

import math

import torch

from resnet_limits.paths.laws.law import Random
from resnet_limits.testing.path_laws import PathLaws


class Arc(Random):
    """`c cos(t/T) + s sin(t/T)`, c and s standard normal."""

    regularity = math.inf  # pyright: ignore[reportAssignmentType]

    def path(self, draw):
        c, s = (draw.sigma * draw.normals((2, *draw.shape))).unbind(1)
        return lambda t: c * torch.cos(t / draw.horizon) + s * torch.sin(t / draw.horizon)


class TestFunction(PathLaws):
    law = Arc(sigma_w=1.3, sigma_b=0.4)  # pyright: ignore[reportCallIssue]

    def covariance(self, s, t):
        return torch.cos(s - t)
