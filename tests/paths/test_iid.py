"""Weights independent from layer to layer."""

import torch

from resnet_limits.paths.draw import draw_path
from resnet_limits.paths.laws.iid import IidLaw
from resnet_limits.testing.path_laws import PathLaws


class TestIid(PathLaws):
    law = IidLaw(sigma_w=1.3, sigma_b=0.4)

    def covariance(self, s, t):
        return (s == t).double()


def test_neighbouring_layers_of_the_deepest_network_differ():
    """A million layers are told apart: consecutive reads of any neighbours are different draws."""
    depth = 10**6
    path = draw_path(IidLaw(), {"b": (1,)}, depth=depth, horizon=1.0, replicas=1, seed=0)["b"]
    for first in (0, 123_456, 524_287, depth - 41):
        times = torch.arange(first, first + 40, dtype=torch.float64) / depth
        assert len(path.at(times).unique()) == 40


def test_order_of_reading_does_not_matter():
    path = draw_path(IidLaw(), {"W": (3, 3)}, depth=8, horizon=1.0, replicas=3, seed=0)["W"]
    times = torch.arange(8, dtype=torch.float64) / 8
    assert torch.equal(path.at(times.flip(0)).flip(1), path.at(times))
