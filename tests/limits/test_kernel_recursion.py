"""The recursion of infinitely wide networks: quadrature, autograd on wide networks, published kernels, the limit."""

from __future__ import annotations

import math
from functools import partial
from typing import Any, ClassVar

import pytest
import torch

from resnet_limits.errors import SettingError
from resnet_limits.limits.kernel import Kind
from resnet_limits.limits.kernel_recursion import FiniteDepthKernel, moments_recursion
from resnet_limits.limits.moments import moments_at
from resnet_limits.limits.overlaps import moment_step
from resnet_limits.networks.activations import Activation, activation_named

from .kernel_laws import PairKernelLaws
from .wide_networks import far, kernels

SMOOTH = [name for name in Activation.options if activation_named(name).without_limit() is None]

D = 5
Z = torch.randn(4, D, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
SIZES: dict[str, Any] = {"sigma_w": 1.1, "sigma_b": 0.4, "horizon": 0.7}
KINDS: tuple[Kind, ...] = ("nngp", "ntk")


class TestFiniteDepthKernel(PairKernelLaws):
    kernels: ClassVar = {
        f"{phi}-{kind}": partial(FiniteDepthKernel, phi=phi, depth=3, kind=kind, **SIZES)
        for phi in Activation.options
        for kind in KINDS
        if (phi, kind) != ("relu", "ntk")
    }
    single = 2e-6


class TestFiniteDepthKernelWithAKink(PairKernelLaws):
    """Of an input and itself, whose angle keeps half the digits; relu's slopes are a function of the angle."""

    kernels: ClassVar = {"relu": partial(FiniteDepthKernel, phi="relu", depth=3, kind="ntk", **SIZES)}
    rounding = 1e-7
    single = 2e-3


def brute_expectation(f, g, S: torch.Tensor) -> float:
    """`E f(z_1) g(z_2)` on a grid in two dimensions."""
    x = torch.linspace(-9, 9, 1201, dtype=torch.float64)
    w = torch.exp(-x.square() / 2)
    w = w / w.sum()
    a, b = S[0, 0].sqrt(), S[1, 1].sqrt()
    rho = (S[0, 1] / (a * b)).clamp(-1, 1)
    second = g(b * (rho * x[:, None] + (1 - rho**2).clamp(min=0).sqrt() * x))
    return float((w * f(a * x)) @ second @ w)


@pytest.mark.parametrize("phi", sorted(Activation.options))
def test_the_recursion_is_that_of_brute_quadrature(phi: str):
    f = activation_named(phi)

    def slope(z: torch.Tensor) -> torch.Tensor:
        z = z.detach().requires_grad_()
        return torch.autograd.grad(f(z).sum(), z)[0]

    def one(z: torch.Tensor) -> torch.Tensor:
        return torch.ones_like(z)

    depth, n = 3, 2
    h = 0.7 / depth
    m, L = torch.zeros(n, dtype=torch.float64), Z[:n] @ Z[:n].T / D
    backward, sums = [], []
    for _ in range(depth):
        S = h * (0.4**2 + 1.1**2 * L)
        pair = [[S[[i, j]][:, [i, j]] for j in range(n)] for i in range(n)]
        first = torch.tensor([brute_expectation(f, one, pair[i][i]) for i in range(n)], dtype=torch.float64)
        second = torch.tensor([[brute_expectation(f, f, p) for p in row] for row in pair], dtype=torch.float64)
        slopes = torch.tensor([[brute_expectation(slope, slope, p) for p in row] for row in pair], dtype=torch.float64)
        backward.append(1 + 1.1**2 * h * slopes)
        sums.append(slopes * S)
        L = L + torch.outer(m, first) + torch.outer(first, m) + second
        m = m + first
    ntk, after = torch.zeros_like(L), torch.ones_like(L)
    for factor, added in zip(reversed(backward), reversed(sums), strict=True):  # Pi, from the last layer backwards
        ntk = ntk + after * added
        after = after * factor
    tolerance: dict[str, Any] = {"rtol": 3e-3, "atol": 3e-3} if phi == "relu" else {"rtol": 1e-11, "atol": 1e-11}
    keys: dict[str, Any] = {"phi": phi, "depth": depth, **SIZES}
    torch.testing.assert_close(FiniteDepthKernel(**keys)(Z[:n], Z[:n]), L, **tolerance)
    ntk_with_ends = FiniteDepthKernel(**keys, kind="ntk", readout=True, read_in=True)(Z[:n], Z[:n])
    torch.testing.assert_close(ntk_with_ends, ntk + L + after * (Z[:n] @ Z[:n].T / D), **tolerance)
    means, squares = moments_recursion(phi, 1.1, 0.4, Z[:n].square().mean(dim=1), 0.7, depth)
    torch.testing.assert_close(means[-1], m, **tolerance)
    torch.testing.assert_close(squares[-1], L.diagonal(), **tolerance)


@pytest.mark.parametrize("phi", ["gelu", "swish", "tanh"])
def test_many_layers_agree_with_the_recursion_on_gram_matrices(phi: str):
    depth = 24
    m, L = torch.zeros(4, dtype=torch.float64), Z @ Z.T / D
    for _ in range(depth):
        m, L = moment_step(phi, m, L, 0.7 / depth * (0.4**2 + 1.1**2 * L))
    torch.testing.assert_close(FiniteDepthKernel(phi=phi, depth=depth, **SIZES)(Z, Z), L, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("phi", ["gelu", "relu", "swish", "tanh"])
def test_wide_networks_have_these_kernels_on_average_by_autograd(phi: str):
    width, depth = 384, 4
    sizes: dict[str, Any] = {"sigma_w": 1.0, "sigma_b": 0.5, "horizon": 1.0}
    keys: dict[str, Any] = {"width": width, "depth": depth, "horizon": 1.0, "outer": (1.0, 0.5)}
    samples = torch.stack([kernels(phi, Z[:3], **keys, seed=seed) for seed in range(32)])

    def ntk(readout: bool, read_in: bool) -> torch.Tensor:
        kernel = FiniteDepthKernel(phi=phi, depth=depth, kind="ntk", readout=readout, read_in=read_in, **sizes)
        return kernel(Z[:3], Z[:3])

    nngp = FiniteDepthKernel(phi=phi, depth=depth, **sizes)(Z[:3], Z[:3])
    expected = torch.stack([ntk(False, True) - ntk(False, False), nngp, ntk(False, False), nngp])
    torch.testing.assert_close(ntk(True, False), ntk(False, False) + nngp)
    assert far(samples, expected, width) < 1
    # It would be seen if the gradients' factors were left out, or phi'(0)^2 in their place.
    wrong = FiniteDepthKernel(phi="identity", depth=depth, kind="ntk", readout=False, **sizes)(Z[:3], Z[:3])
    assert far(samples, torch.stack([expected[0], nngp, wrong, nngp]), width) > 2


def test_moments_approach_the_closed_forms_at_order_one():
    q0 = Z.square().mean(dim=1)
    for phi in ("gelu", "swish", "tanh"):
        m, q = moments_at(phi, 0.7, 0.3, q0, torch.tensor([1.0], dtype=torch.float64))
        errors = []
        for depth in (128, 256):
            means, squares = moments_recursion(phi, 0.7, 0.3, q0, 1.0, depth)
            errors.append(float(torch.stack([means[-1] - m[0], squares[-1] - q[0]]).abs().max()))
        assert math.log2(errors[0] / errors[1]) == pytest.approx(1, abs=0.03), phi


def test_one_relu_layer_without_the_identity_is_the_arc_cosine_kernel_of_degree_one():
    # x_1 = x_0 + relu(z): at large sigma_w the branch is all there is. Cho & Saul 2009: 2 E relu relu = k_1.
    size = 1e6
    K = FiniteDepthKernel(phi="relu", sigma_w=size * math.sqrt(2), sigma_b=0.0, horizon=1.0, depth=1)(Z, Z) / size**2
    norms = Z.norm(dim=1)
    theta = torch.arccos(((Z @ Z.T) / torch.outer(norms, norms)).clamp(-1, 1))
    expected = torch.outer(norms, norms) / math.pi * (torch.sin(theta) + (math.pi - theta) * torch.cos(theta)) / D
    torch.testing.assert_close(K, expected, rtol=1e-9, atol=1e-9)


def test_relu_mean_squares_are_the_published_growth():
    # sigma_b = 0: m' = sqrt(h q/(2 pi)) sigma_w a layer, q + h sigma_w^2 q/2 + 2 m E relu.
    m, q = moments_recursion("relu", 1.0, 0.0, torch.tensor([1.0], dtype=torch.float64), 1.0, 2)
    one = math.sqrt(0.5 / (2 * math.pi))
    q1 = 1 + 0.25
    two = one + math.sqrt(0.5 * q1 / (2 * math.pi))
    assert m[:, 0].tolist() == pytest.approx([0, one, two], rel=1e-14)
    assert q[:, 0].tolist() == pytest.approx([1, q1, q1 * 1.25 + 2 * one * (two - one)], rel=1e-14)


def test_a_zero_input_without_bias_stays_zero():
    z = torch.cat([Z[:1], torch.zeros(1, D, dtype=torch.float64)])
    for phi in Activation.options:
        for kind in KINDS:
            K = FiniteDepthKernel(phi=phi, sigma_w=1.0, sigma_b=0.0, horizon=1.0, depth=4, kind=kind)(z, z)
            assert not K[1].any(), phi


def test_an_unknown_activation_is_refused():
    with pytest.raises(SettingError, match="'thanh'; did you mean 'tanh'"):
        FiniteDepthKernel(phi="thanh", depth=3, **SIZES)
