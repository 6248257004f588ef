"""The derivative in time of weight paths: in closed form where a path has one, by autograd where it has none."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from resnet_limits.paths.draw import draw_path
from resnet_limits.paths.laws.smooth import SmoothLaw
from resnet_limits.paths.laws.tied import TiedLaw
from resnet_limits.paths.path import WeightPath

TIMES = torch.tensor([0.0, 0.3, 0.75, 1.0], dtype=torch.float64)


def drawn(law):
    return draw_path(law, {"W": (3, 3), "b": (3,)}, depth=4, horizon=1.0, replicas=2, seed=0)


def test_the_rate_of_smooth_weights_is_what_autograd_finds_bit_for_bit():
    path = drawn(SmoothLaw())
    for name, rate in path.rate(TIMES).items():
        one_by_one = [torch.func.jvp(path[name].at, (t[None],), (torch.ones(1, dtype=t.dtype),))[1] for t in TIMES]
        torch.testing.assert_close(rate, torch.cat(one_by_one, dim=1), rtol=1e-12, atol=1e-12)
        assert torch.equal(path.rate(TIMES[1])[name], one_by_one[1]), "at one time, as an ODE solver asks"


def test_weights_that_are_the_same_in_every_layer_have_the_rate_zero():
    for rate in drawn(TiedLaw()).rate(TIMES).values():
        assert not rate.any()


def test_a_path_without_a_rate_of_its_own_is_differentiated():
    @dataclass(frozen=True)
    class Wave:
        def at(self, times):
            return torch.sin(2 * math.pi * times)[None, :, None]

    (rate,) = WeightPath({"b": Wave()}, 1.0).rate(TIMES).values()
    torch.testing.assert_close(rate[0, :, 0], 2 * math.pi * torch.cos(2 * math.pi * TIMES))
