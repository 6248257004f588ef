"""The averaged field: networks of independent weights that approach it."""

import math
from functools import partial
from typing import ClassVar

import pytest
import torch

from resnet_limits.limits.averaged import averaged_field, martingale_response
from resnet_limits.limits.ode import solve, solve_with_error
from resnet_limits.networks.blocks import field
from resnet_limits.networks.blocks.block import MeanField
from resnet_limits.networks.blocks.one import OneBlock
from resnet_limits.networks.residual import forward
from resnet_limits.networks.steps import STEPS
from resnet_limits.random import Stream, normals

from .limit_laws import LimitLaws, adaptive

D, N = 6, 3


def layers(f, replicas, sigma_w, sigma_b, seed=0, depth=1):
    """Independent layers, (replicas, depth, *shape)."""
    return {
        name: normals((depth, *shape), Stream(seed, f"test.{name}"), replicas=replicas)
        * (sigma_b if len(shape) == 1 else sigma_w / shape[1] ** 0.5)
        for name, shape in f.shapes.items()
    }


class TestAveragedFlow(LimitLaws):
    cases: ClassVar = {
        phi: partial(averaged_field, OneBlock(), phi, sigma_w=1.2, sigma_b=0.5)
        for phi in ("relu", "swish", "gelu")  # of others, and of other blocks, the mean is zero
    }

    def start(self, case: MeanField) -> torch.Tensor:
        return normals((N, D), Stream(1, "test.x"), replicas=2)

    def flow(self, case: MeanField, start: torch.Tensor, since: float, until: float) -> tuple[torch.Tensor, float]:
        return solve_with_error(lambda t, x: case(x), start, until - since)

    def independent(self, case: MeanField, start: torch.Tensor, until: float) -> torch.Tensor:
        return adaptive(lambda t, x: case(x), start, until)


def test_the_mean_of_independent_networks_approaches_the_averaged_flow_at_order_one():
    # At L = 8, 16, 32 the bias is about 1/L and, without the control variate, drowns in the noise of 3000 draws.
    sigma_w, sigma_b, draws = 1.2, 0.5, 3000
    f = field(OneBlock(), "swish", D)
    average = averaged_field(OneBlock(), "swish", sigma_w=sigma_w, sigma_b=sigma_b)
    x0 = normals((1, D), Stream(1, "test.x"), replicas=1)
    limit = solve(lambda t, x: average(x), x0, 1.0)[0].mean()
    biases, stderrs = [], []
    for depth in (8, 16, 32):
        weights = layers(f, draws, sigma_w, sigma_b, seed=depth, depth=depth)
        x, _, z = martingale_response(f, average, x0[0], weights, 1 / depth)
        torch.testing.assert_close(x, forward(f, STEPS["euler"], x0.expand(draws, 1, D), weights, 1 / depth))
        plain, controlled = x.mean(dim=(1, 2)), (x - z).mean(dim=(1, 2))
        assert float(z.mean(dim=(1, 2)).mean().abs()) < 4.5 * float(z.mean(dim=(1, 2)).std()) / draws**0.5
        assert controlled.std() < 0.4 * plain.std()
        biases.append(float(controlled.mean() - limit))
        stderrs.append(float(controlled.std()) / draws**0.5)
    for depth, coarse, fine, s, t in zip((8, 16), biases, biases[1:], stderrs, stderrs[1:], strict=False):
        assert abs(coarse) > 10 * s, depth
        noise = 3 * math.hypot(s / coarse, t / fine) / math.log(2)
        assert abs(math.log2(coarse / fine) - 1) < 0.15 + noise


def test_one_independent_network_is_off_by_the_root_of_its_depth():
    sigma_w, sigma_b, draws = 1.2, 0.5, 2000
    f = field(OneBlock(), "swish", D)
    average = averaged_field(OneBlock(), "swish", sigma_w=sigma_w, sigma_b=sigma_b)
    x0 = normals((1, D), Stream(1, "test.x"), replicas=1)
    limit = solve(lambda t, x: average(x), x0, 1.0)
    errors = []
    for depth in (32, 128):
        weights = layers(f, draws, sigma_w, sigma_b, seed=depth, depth=depth)
        x = forward(f, STEPS["euler"], x0.expand(draws, 1, D), weights, 1 / depth)
        errors.append(float((x - limit).square().mean().sqrt()))
    # A root mean square over 2000 draws has a relative standard error of about 1 %: of a slope over two octaves, .01.
    assert math.log(errors[0] / errors[1], 4) == pytest.approx(0.5, abs=0.05)
