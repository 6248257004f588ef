"""Expectations of activations of Gaussians, against adaptive integration."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import integrate

from resnet_limits.networks.activations import activation_named
from resnet_limits.sampling import expectations
from resnet_limits.sampling.expectations import moments


def by_integration(phi: str, covariance: torch.Tensor) -> float:
    """`E phi(z_1) phi(z_2)` in two dimensions."""
    root = torch.linalg.cholesky(covariance)

    def density(b: float, a: float) -> float:
        z = root @ torch.tensor([a, b], dtype=torch.float64)
        return float(activation_named(phi)(z).prod()) * math.exp(-(a * a + b * b) / 2) / (2 * math.pi)

    return integrate.dblquad(density, -7, 7, -7, 7, epsabs=1e-9, epsrel=1e-7)[0]


@pytest.mark.parametrize("phi", ["tanh", "swish"])
@pytest.mark.parametrize("v", [0.02, 0.8])
def test_products_are_those_of_integration_in_two_dimensions(phi: str, v: float):
    covariance = v * torch.tensor([[1.0, 0.4], [0.4, 0.5]], dtype=torch.float64)
    _, product = moments(phi, covariance)
    linear = {"tanh": 1.0, "swish": 0.25}[phi] * covariance[0, 1]  # what is left is the error of a layer
    exact = by_integration(phi, covariance)
    assert float(product[0, 1] - linear) == pytest.approx(exact - float(linear), rel=1e-3)


@pytest.mark.parametrize("phi", ["tanh", "swish", "gelu"])
def test_one_input_twice_has_the_second_moment_of_its_own(phi: str):
    covariance = torch.tensor([[0.3, 0.3], [0.3, 0.3]], dtype=torch.float64)
    mean, product = moments(phi, covariance)

    def moment(power: int) -> float:
        def density(g: float) -> float:
            z = activation_named(phi)(torch.tensor(math.sqrt(0.3) * g, dtype=torch.float64))
            return float(z) ** power * math.exp(-g * g / 2) / math.sqrt(2 * math.pi)

        return integrate.quad(density, -9, 9, epsabs=1e-12)[0]

    assert mean.tolist() == pytest.approx([moment(1)] * 2, abs=1e-9)
    assert product.flatten().tolist() == pytest.approx([moment(2)] * 4, rel=1e-5)


def test_inputs_that_are_zero_have_moments_zero():
    mean, product = moments("swish", torch.zeros(3, 2, 2, dtype=torch.float64))
    assert not mean.abs().any()
    assert not product.abs().any()


def test_the_quadrature_goes_to_the_device_of_the_variances():
    # `meta` stands for a device that is not the CPU: it takes no numbers, and no operands of two devices
    variance = torch.empty(6, dtype=torch.float64, device="meta")
    coefficients = expectations.hermite_coefficients("tanh", variance, 8)
    assert (coefficients.device.type, coefficients.shape) == ("meta", (8, 6))


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_moments_on_a_device_are_those_of_the_cpu():
    covariance = 0.3 * torch.tensor([[1.0, 0.4], [0.4, 0.5]], dtype=torch.float64)
    for ours, theirs in zip(moments("swish", covariance.cuda()), moments("swish", covariance), strict=True):
        torch.testing.assert_close(ours.cpu(), theirs)
