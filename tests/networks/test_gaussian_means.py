"""Gaussian means of activations: closed forms, an adaptive integral, and Stein's lemma."""

from __future__ import annotations

import math

import pytest
import torch

from resnet_limits.networks.activations import Activation, activation_named
from resnet_limits.networks.gaussian_means import gaussian_mean, gaussian_mean_slope, gaussian_mean_square

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


@pytest.mark.parametrize("name", Activation.options)
def test_slopes_and_squares_are_those_of_an_adaptive_integral(name):
    from scipy.integrate import quad

    phi = activation_named(name)

    def mean(of, v):
        def integrand(g):
            value, slope = phi.with_slope(torch.tensor([math.sqrt(v) * g], dtype=torch.float64))
            return of(float(value), float(slope)) * math.exp(-g * g / 2) / math.sqrt(2 * math.pi)

        return sum(quad(integrand, *half, epsabs=1e-13, epsrel=1e-12)[0] for half in ((-12, 0), (0, 12)))

    for v in (0.25, 4.0):
        at = torch.tensor(v, dtype=torch.float64)
        assert float(gaussian_mean_slope(name, at)) == pytest.approx(mean(lambda a, s: s, v), rel=1e-9)
        assert float(gaussian_mean_square(name, at)) == pytest.approx(mean(lambda a, s: a * a, v), rel=1e-9)
