"""The 1/L constants against the exact recursion, extrapolated, and at finite width against those of the Gram matrix."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from resnet_limits.limits.depth_constant import of_overlap, of_tangent_kernel
from resnet_limits.limits.gram_moments import gram_moments
from resnet_limits.limits.kernel import LimitKernel
from resnet_limits.limits.kernel_recursion import FiniteDepthKernel

G = torch.tensor([[1.2, 0.5], [0.5, 0.8]], dtype=torch.float64)
SIZES = {"sigma_w": 0.8, "sigma_b": 0.5, "horizon": 1.2}


def extrapolated(**keys) -> float:
    """`L (K_L - K_T)` by Richardson's extrapolation from three depths."""
    q, constants = G.diagonal(), []
    limit = LimitKernel(phi="tanh", **SIZES, **keys).of_overlaps(G[:1, 1:], q[:1, None], q[None, 1:])
    for depth in (64, 128, 256):
        kernel = FiniteDepthKernel(phi="tanh", depth=depth, **SIZES, **keys)
        constants.append(depth * float(kernel.of_overlaps(G[:1, 1:], q[:1, None], q[None, 1:]) - limit))
    first, second = 2 * constants[1] - constants[0], 2 * constants[2] - constants[1]
    return (4 * second - first) / 3


@pytest.mark.parametrize(("read_in", "readout"), [(False, False), (True, False), (False, True), (True, True)])
def test_the_constant_of_the_tangent_kernel_is_that_of_the_recursion(read_in: bool, readout: bool):
    constant = of_tangent_kernel(0.5, (1.2, 0.8), *SIZES.values(), read_in=read_in, readout=readout)
    assert constant == pytest.approx(extrapolated(kind="ntk", read_in=read_in, readout=readout), rel=1e-3)


def test_the_constant_of_the_overlap_is_that_of_the_recursion_and_of_the_gram_matrix():
    constant = of_overlap(0.5, (1.2, 0.8), *SIZES.values())
    assert constant == pytest.approx(extrapolated(kind="nngp"), rel=1e-3)
    bias = gram_moments(G.numpy(), 0.25, 0.64, 1.2, math.inf).bias
    assert bias[0, 1] == pytest.approx(constant, rel=1e-12)
    assert bias[1, 1] == pytest.approx(of_overlap(0.8, (0.8, 0.8), *SIZES.values()), rel=1e-12)


def test_without_weights_all_is_that_of_the_bias():
    """`sigma_w = 0`: `q_L = q_0 + L E tanh^2(sqrt(h) sigma_b z)`, off by `-2 T^2 sigma_b^4/L`."""
    assert of_overlap(0.5, (1.2, 0.8), 0.0, 0.7, 1.5) == pytest.approx(-2 * 1.5**2 * 0.7**4)
    assert np.isfinite(of_tangent_kernel(0.5, (1.2, 0.8), 0.0, 0.7, 1.5, read_in=True, readout=True))
