"""Mehler's series for blocks of pairs: quadrature in two dimensions, arc-cosine kernels, exact cases."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.integrate import dblquad

from resnet_limits.limits.overlaps import gaussian_products
from resnet_limits.limits.pair_products import expansions, pair_products
from resnet_limits.networks.activations import Activation, activation_named

X = torch.tensor([[1.0, 0.3], [0.2, -0.9], [0.7, -0.7], [0.0, 0.0]], dtype=torch.float64)
SMOOTH = ["gelu", "swish", "tanh"]


def block(phi: str, S: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    first, second = expansions(phi, S.diagonal()[:, None], S.diagonal()[None])
    values, slopes = pair_products(first, second, S, slopes=True)
    assert slopes is not None
    return values, slopes


def slope_of(phi: str, z: torch.Tensor) -> torch.Tensor:
    z = z.clone().requires_grad_()
    return torch.autograd.grad(activation_named(phi)(z).sum(), z)[0]


@pytest.mark.parametrize("phi", SMOOTH)
@pytest.mark.parametrize("v", [1e-6, 1e-3, 0.05, 0.4, 1.5, 6.0])
def test_products_are_those_of_quadrature_in_two_dimensions(phi: str, v: float):
    S = v * X @ X.T
    values, _ = block(phi, S)
    expected = gaussian_products(phi, S, nodes=300)
    off = (values - expected).abs() / expected.max()
    # Most of 2e-11 is the other's cut; of tanh and large variances the series is cut too, felt by equal inputs.
    assert float(off.max()) < (1e-7 if phi == "tanh" and v > 2 else 2e-11)
    assert float(off.fill_diagonal_(0).max()) < 2e-11
    torch.testing.assert_close(values.diagonal(), expansions(phi, S.diagonal()[:, None])[0].square[:, 0])


@pytest.mark.parametrize("phi", SMOOTH)
@pytest.mark.parametrize("v", [0.05, 1.5])
def test_products_of_derivatives_are_those_of_adaptive_integration(phi: str, v: float):
    S = v * X @ X.T
    _, slopes = block(phi, S)
    root = torch.linalg.cholesky(S[1:3, 1:3])

    def density(b: float, a: float) -> float:
        z = root @ torch.tensor([a, b], dtype=torch.float64)
        return float(slope_of(phi, z).prod()) * math.exp(-(a * a + b * b) / 2) / (2 * math.pi)

    assert float(slopes[1, 2]) == pytest.approx(dblquad(density, -7, 7, -7, 7, epsabs=1e-8)[0], abs=1e-7)


@pytest.mark.parametrize("phi", SMOOTH)
def test_derivatives_are_those_of_the_products_by_the_covariance(phi: str):
    # d/dc E phi(z_1) phi(z_2) = E phi'(z_1) phi'(z_2) (Price's theorem), an identity between the two series.
    S = 0.8 * X @ X.T
    first, second = expansions(phi, S.diagonal()[:, None], S.diagonal()[None])
    eps = 1e-5
    inside = torch.where(torch.eye(4, dtype=torch.bool), 0.0, 1.0).double()
    above, below = (pair_products(first, second, S + sign * eps * inside)[0] for sign in (1, -1))
    difference = (above - below) / (2 * eps) * inside
    torch.testing.assert_close(difference[:3, :3], (block(phi, S)[1] * inside)[:3, :3], rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("phi", sorted(Activation.options))
def test_zero_inputs_have_no_products_and_the_slope_at_zero(phi: str):
    values, slopes = block(phi, 0.6 * X @ X.T)
    assert not values[3].any()
    if phi != "relu":
        assert float(slopes[3, 3]) == pytest.approx(float(slope_of(phi, torch.zeros(1, dtype=torch.float64))) ** 2)


def test_the_identity_is_exact():
    S = 3 * X @ X.T
    values, slopes = block("identity", S)
    torch.testing.assert_close(values, S, rtol=1e-13, atol=1e-14)
    torch.testing.assert_close(slopes, torch.ones_like(S), rtol=1e-13, atol=0)


def test_relu_has_the_arc_cosine_kernels_of_degree_one_and_zero():
    # Cho & Saul 2009: k_n = (1/pi) |x|^n |y|^n J_n(theta); J_0 = pi - theta, J_1 = sin theta + (pi - theta) cos theta,
    # and k_n(x, y) = 2 E Theta(z_1) Theta(z_2) z_1^n z_2^n.
    S = X[:3] @ X[:3].T
    size = torch.outer(S.diagonal().sqrt(), S.diagonal().sqrt())
    theta = torch.arccos((S / size).clamp(-1, 1))
    values, slopes = block("relu", S)
    J1 = torch.sin(theta) + (math.pi - theta) * torch.cos(theta)
    torch.testing.assert_close(values, size * J1 / math.pi / 2, rtol=1e-14, atol=1e-15)
    torch.testing.assert_close(slopes, (math.pi - theta) / math.pi / 2, rtol=1e-14, atol=1e-15)
    # and both are what sampling gives
    z = torch.randn(400_000, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) @ X[:3].T
    positive = (z > 0).double()
    assert float((z.relu().T @ z.relu() / len(z) - values).abs().max()) < 5 * 2 / math.sqrt(len(z))
    assert float((positive.T @ positive / len(z) - slopes).abs().max()) < 5 * 0.5 / math.sqrt(len(z))


def test_single_precision_keeps_its_digits():
    for phi in sorted(Activation.options):
        S = 0.5 * X @ X.T
        for one, two in zip(block(phi, S), block(phi, S.float()), strict=True):
            # of relu's degree 0 the angle of an input to itself keeps half the digits
            assert float((one - two).abs().max()) < (1e-3 if phi == "relu" else 1e-6), phi
