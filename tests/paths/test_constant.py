"""Weights that do not depend on time: one draw, or zero."""

import torch

from resnet_limits.paths.laws.tied import TiedLaw
from resnet_limits.paths.laws.zero import ZeroLaw
from resnet_limits.testing.path_laws import PathLaws


class TestTied(PathLaws):
    law = TiedLaw(sigma_w=1.3, sigma_b=0.4)

    def covariance(self, s, t):
        return torch.ones_like(s - t)


class TestZero(PathLaws):
    law = ZeroLaw()

    def covariance(self, s, t):
        return torch.zeros_like(s - t)

    def sigma_w(self):
        return 1.0

    def sigma_b(self):
        return 1.0

    def test_seeds_purposes_parameters_and_replicas_differ(self):
        """They do not: everything is zero."""
        assert all((v == 0).all() for v in self.drawn(seed=4).at(self.layer_times(8)).values())
