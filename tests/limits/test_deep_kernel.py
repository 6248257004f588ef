"""Kernels of deep blocks: the ODE of Gram matrices, autograd on wide networks, exact cases, steps."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from resnet_limits.limits.deep_kernel import DeepKernel, extremes
from resnet_limits.limits.overlaps import deep_flow, deep_recursion
from resnet_limits.limits.pair_products import expansions, pair_products
from resnet_limits.networks.activations import Activation

from .kernel_laws import DeepLimitLaws, PairKernelLaws
from .wide_networks import far, kernels

D = 5
Z = torch.randn(6, D, generator=torch.Generator().manual_seed(6), dtype=torch.float64)
SIZES: dict[str, Any] = {"inner": (1.2, 0.5), "outer": (0.8, 0.3)}


class TestDeepKernel(PairKernelLaws):
    kernels: ClassVar = {
        **{phi: partial(DeepKernel, phi=phi, horizon=1.0, **SIZES) for phi in Activation.options},
        "finite": partial(DeepKernel, phi="relu", horizon=1.0, depth=8, **SIZES),
    }
    single = 2e-6


class TestDeepLimit(DeepLimitLaws):
    kernels: ClassVar = {
        f"{phi}-{kind}": partial(DeepKernel, phi=phi, kind=kind, horizon=1.0, **SIZES)
        for phi in ("gelu", "tanh")
        for kind in ("nngp", "ntk")
    }
    single = 2e-6

    def at_depth(self, kernel: DeepKernel, depth: int) -> DeepKernel:
        return replace(kernel, depth=depth)


@pytest.mark.parametrize("phi", ["gelu", "relu", "tanh"])
def test_the_kernel_is_that_of_the_solver_on_gram_matrices(phi: str):
    expected, error = deep_flow(phi, Z @ Z.T / D, 1.0, **SIZES)
    kernel, tolerance = DeepKernel(phi=phi, horizon=1.0, **SIZES).with_tolerance(Z, 1e-9)
    assert tolerance <= 1e-9
    assert float((kernel(Z, Z) - expected).abs().max()) < 1e-9 * float(expected.max()) + error


@pytest.mark.parametrize("phi", ["relu", "swish"])
def test_the_finite_depth_is_the_euler_scheme(phi: str):
    expected = deep_recursion(phi, Z @ Z.T / D, 1.0, 8, **SIZES)[-1]
    K = DeepKernel(phi=phi, horizon=1.0, depth=8, **SIZES)(Z, Z)
    torch.testing.assert_close(K, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("phi", ["gelu", "relu", "tanh"])
def test_wide_networks_of_deep_blocks_have_these_kernels_by_autograd(phi: str):
    width, depth = 256, 4
    sizes_of_network = {"width": width, "depth": depth, "horizon": 1.0, **SIZES}
    samples = torch.stack([kernels(phi, Z[:3], **sizes_of_network, seed=seed) for seed in range(32)])

    def kernel(**keys) -> torch.Tensor:
        return DeepKernel(phi=phi, horizon=1.0, depth=depth, **SIZES, **keys)(Z[:3], Z[:3])

    layers = kernel(kind="ntk", readout=False)
    read_in = kernel(kind="ntk", readout=False, read_in=True) - layers
    expected = torch.stack([read_in, kernel(), layers, kernel()])
    torch.testing.assert_close(kernel(kind="ntk"), layers + kernel())
    assert far(samples, expected, width) < 1


def test_the_ntk_is_the_integral_over_the_layers():
    # Theta = int_0^T (lambda_t' + sigma_B^2 E phi' phi' Cov) e^{int_t^T sigma_A^2 sigma_B^2 E phi' phi'} dt
    (A, a), (B, b) = SIZES["inner"], SIZES["outer"]
    start = (Z[:2] @ Z[:2].T / D).numpy()

    def velocity(t: float, y: np.ndarray) -> list[float]:
        S = A**2 * torch.tensor([[y[0], y[1]], [y[1], y[2]]], dtype=torch.float64) + a**2
        first, second = expansions("tanh", S.diagonal()[:, None], S.diagonal()[None])
        values, slopes = pair_products(first, second, S, slopes=True)
        assert slopes is not None
        rate, s = B**2 * values + b**2, float(slopes[0, 1])
        grown = A**2 * B**2 * s  # of the logarithm of what later layers do
        source = (float(rate[0, 1]) + B**2 * s * float(S[0, 1])) * math.exp(-y[3])
        return [float(rate[0, 0]), float(rate[0, 1]), float(rate[1, 1]), grown, source]

    y0 = [start[0, 0], start[0, 1], start[1, 1], 0, 0]
    y = solve_ivp(velocity, (0, 1), y0, rtol=1e-11, atol=1e-12).y[:, -1]
    kernel = DeepKernel(phi="tanh", horizon=1.0, kind="ntk", readout=False, steps=32, **SIZES)
    assert float(kernel(Z[:1], Z[1:2])) == pytest.approx(y[4] * math.exp(y[3]), rel=1e-8)


def test_relu_norms_grow_exponentially_and_the_identity_is_linear():
    q0 = Z.square().mean(dim=1)
    (A, a), (B, b) = SIZES["inner"], SIZES["outer"]
    for phi, share in (("relu", 0.5), ("identity", 1.0)):
        k, source = share * A**2 * B**2, share * B**2 * a**2 + b**2
        expected = q0 * math.exp(k) + source * math.expm1(k) / k
        diagonal = DeepKernel(phi=phi, horizon=1.0, steps=32, **SIZES).diagonal(Z)
        torch.testing.assert_close(diagonal, expected, rtol=1e-8, atol=0)


@pytest.mark.parametrize("kind", ["nngp", "ntk"])
def test_the_steps_have_order_four(kind):
    def at(steps: int) -> torch.Tensor:
        return DeepKernel(phi="tanh", horizon=1.0, kind=kind, steps=steps, **SIZES)(Z, Z)

    errors = [float((at(steps) - at(64)).abs().max()) for steps in (4, 8)]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(4, abs=0.3)


@pytest.mark.parametrize("phi", sorted(Activation.options))
def test_the_kernel_is_positive_definite_and_not_affine(phi: str):
    z = torch.randn(40, D, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    K = DeepKernel(phi=phi, horizon=1.0, **SIZES)(z, z)
    values = torch.linalg.eigvalsh(K)
    assert float(values.min()) > -1e-13 * float(values.max())
    rank = int((values > 1e-10 * values.max()).sum())
    assert rank == D + 1 if phi == "identity" else rank > 2 * D


def test_the_sample_for_the_steps_holds_the_largest_and_the_smallest_input():
    z = torch.randn(1000, D, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    norms, all_norms = extremes(z, 16).norm(dim=1), z.norm(dim=1)
    assert len(norms) == 16
    assert (float(norms.min()), float(norms.max())) == (float(all_norms.min()), float(all_norms.max()))
