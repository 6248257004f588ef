"""The averaged field: closed forms, Monte Carlo, and networks of independent weights that approach it."""

import math
from functools import partial
from typing import ClassVar

import pytest
import torch

from resnet_limits.limits.averaged import AveragedField, averaged_field, gaussian_mean, martingale_response
from resnet_limits.limits.ode import solve, solve_with_error
from resnet_limits.networks.activations import ACTIVATIONS
from resnet_limits.networks.blocks import field
from resnet_limits.networks.residual import forward
from resnet_limits.networks.steps import STEPS
from resnet_limits.random import Stream, normals
from resnet_limits.settings.blocks.one import One
from resnet_limits.settings.blocks.outside import Outside
from resnet_limits.settings.blocks.two import Two

from .limit_laws import LimitLaws, adaptive

V = torch.tensor([1e-3, 0.25, 1.0, 4.0, 100.0], dtype=torch.float64)


def test_the_gaussian_mean_of_relu_and_gelu_is_their_closed_form():
    # E relu = sqrt(v / 2 pi). E z Phi(z) = v E Phi'(z) by Stein's identity = v / sqrt(2 pi (1 + v)).
    torch.testing.assert_close(gaussian_mean("relu", V), (V / (2 * math.pi)).sqrt(), rtol=1e-13, atol=0)
    torch.testing.assert_close(gaussian_mean("gelu", V), V / (2 * math.pi * (1 + V)).sqrt(), rtol=1e-13, atol=0)


def test_the_gaussian_mean_of_swish_is_that_of_an_adaptive_integral():
    from scipy.integrate import quad

    for v in V.tolist():
        s = math.sqrt(v)
        expected, _ = quad(
            lambda x, s=s: s * x * math.tanh(s * x / 2) * math.exp(-x * x / 2) / math.sqrt(2 * math.pi),
            0,
            12,
            epsabs=1e-14,
            epsrel=1e-13,
        )
        assert float(gaussian_mean("swish", torch.tensor(v, dtype=torch.float64))) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", ["tanh", "identity"])
def test_odd_activations_average_to_exactly_zero(name):
    assert torch.equal(gaussian_mean(name, V), torch.zeros_like(V))


D, N = 6, 3


def layers(f, replicas, sigma_w, sigma_b, seed=0, depth=1):
    """Independent layers, (replicas, depth, *shape)."""
    return {
        name: normals((depth, *shape), Stream(seed, f"test.{name}"), replicas=replicas)
        * (sigma_b if len(shape) == 1 else sigma_w / shape[1] ** 0.5)
        for name, shape in f.shapes.items()
    }


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize("block", [One(), Outside(), Two(hidden=5)], ids=lambda b: b.name)
def test_the_averaged_field_is_the_mean_over_weights(block, activation):
    draws, sigma_w, sigma_b = 40_000, 1.3, 0.4
    f = field(block, activation, D)
    x = normals((N, D), Stream(1, "test.x"), replicas=1)
    theta = {n: w[:, 0] for n, w in layers(f, draws, sigma_w, sigma_b).items()}
    values = f(x.expand(draws, N, D), theta)
    stderr = values.std(dim=0) / draws**0.5
    average = averaged_field(block, activation, sigma_w=sigma_w, sigma_b=sigma_b)(x)[0]
    # 18 coordinates: 4.5 standard errors are passed by chance once in 8000 tests.
    assert float(((values.mean(dim=0) - average) / stderr).abs().max()) < 4.5


class TestAveragedFlow(LimitLaws):
    cases: ClassVar = {
        phi: partial(averaged_field, One(), phi, sigma_w=1.2, sigma_b=0.5)
        for phi in ("relu", "swish", "gelu")  # of others, and of other blocks, the mean is zero
    }

    def start(self, case: AveragedField) -> torch.Tensor:
        return normals((N, D), Stream(1, "test.x"), replicas=2)

    def flow(self, case: AveragedField, start: torch.Tensor, since: float, until: float) -> tuple[torch.Tensor, float]:
        return solve_with_error(case.velocity, start, until - since)

    def independent(self, case: AveragedField, start: torch.Tensor, until: float) -> torch.Tensor:
        return adaptive(lambda t, x: case(x), start, until)


@pytest.mark.parametrize("activation", ["swish", "relu", "gelu", "tanh"])
@pytest.mark.parametrize("block", [One(), Two(hidden=5)], ids=lambda b: b.name)
def test_the_derivative_is_that_of_the_field(block, activation):
    average = averaged_field(block, activation, sigma_w=1.3, sigma_b=0.4)
    x, u = (normals((N, D), Stream(s, "test.x"), replicas=2) for s in (1, 2))
    eps = 1e-5
    slope = (average(x + eps * u) - average(x - eps * u)) / (2 * eps)
    torch.testing.assert_close(average.derivative(x, u), slope, rtol=1e-7, atol=1e-9)


def test_weights_of_size_zero_give_a_field_without_derivative():
    average = averaged_field(One(), "swish", sigma_w=0.0, sigma_b=0.0)
    x = normals((N, D), Stream(1, "test.x"), replicas=2)
    assert torch.equal(average(x), torch.zeros_like(x))
    assert torch.equal(average.derivative(x, x), torch.zeros_like(x))


def test_the_mean_of_independent_networks_approaches_the_averaged_flow_at_order_one():
    # At L = 8, 16, 32 the bias is about 1/L and, without the control variate, drowns in the noise of 3000 draws.
    sigma_w, sigma_b, draws = 1.2, 0.5, 3000
    f = field(One(), "swish", D)
    average = averaged_field(One(), "swish", sigma_w=sigma_w, sigma_b=sigma_b)
    x0 = normals((1, D), Stream(1, "test.x"), replicas=1)
    limit = solve(average.velocity, x0, 1.0)[0].mean()
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
    f = field(One(), "swish", D)
    average = averaged_field(One(), "swish", sigma_w=sigma_w, sigma_b=sigma_b)
    x0 = normals((1, D), Stream(1, "test.x"), replicas=1)
    limit = solve(average.velocity, x0, 1.0)
    errors = []
    for depth in (32, 128):
        weights = layers(f, draws, sigma_w, sigma_b, seed=depth, depth=depth)
        x = forward(f, STEPS["euler"], x0.expand(draws, 1, D), weights, 1 / depth)
        errors.append(float((x - limit).square().mean().sqrt()))
    # A root mean square over 2000 draws has a relative standard error of about 1 %: of a slope over two octaves, .01.
    assert math.log(errors[0] / errors[1], 4) == pytest.approx(0.5, abs=0.05)
