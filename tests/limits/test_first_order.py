"""The first-order sum against networks with a tiny factor, whose weights are drawn by their covariance."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from resnet_limits.limits.first_order import first_order_crossing, first_order_sum
from resnet_limits.networks.activations import activation_named
from resnet_limits.networks.blocks.one import OneBlock
from resnet_limits.networks.blocks.outside import OutsideBlock
from resnet_limits.networks.blocks.two import TwoBlock
from resnet_limits.paths.laws.fractional import FractionalLaw
from resnet_limits.paths.laws.iid import IidLaw
from resnet_limits.paths.laws.rough import RoughLaw
from resnet_limits.paths.laws.tied import TiedLaw

DEPTH, WIDTH, NETWORKS, TINY = 6, 24, 400, 1e-5


def sampled(law: FractionalLaw, phi: str, *, two: bool, backwards: bool) -> tuple[float, float]:
    """Mean of `|h_L - h_0|^2/|h_0|^2`, or of gradients, over the square of a tiny factor, and its standard error."""
    draw, sigma = torch.Generator().manual_seed(3), law.sigma_w / math.sqrt(WIDTH)
    k = np.arange(DEPTH)
    root = np.linalg.cholesky(law.autocorrelation(DEPTH, 1.0)[abs(k[:, None] - k)])
    V, W = (
        torch.einsum(
            "kl,rlij->rkij", torch.from_numpy(root), torch.randn(NETWORKS, DEPTH, WIDTH, WIDTH, generator=draw).double()
        )
        * sigma
        for _ in range(2)
    )
    h0 = torch.randn(NETWORKS, WIDTH, generator=draw).double()
    h0 *= math.sqrt(WIDTH) / h0.norm(dim=1, keepdim=True)
    h0.requires_grad_()
    h, f = h0, TINY
    for layer in range(DEPTH):
        z = torch.einsum("rij,rj->ri", W[:, layer], h) if two else h
        h = h + f * torch.einsum("rij,rj->ri", V[:, layer], activation_named(phi)(z))
    start, end = h0.detach(), h.detach()
    if backwards:
        start = torch.randn(NETWORKS, WIDTH, generator=draw).double()
        (end,) = torch.autograd.grad(h, h0, start)
    squares = ((end - start).square().sum(dim=1) / start.square().sum(dim=1) / TINY**2).numpy()
    return float(squares.mean()), float(squares.std() / math.sqrt(NETWORKS))


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize(("phi", "two"), [("relu", True), ("tanh", True), ("relu", False)])
def test_networks_with_a_tiny_factor_move_by_the_first_order_sum(phi: str, *, two: bool, backwards: bool):
    law = FractionalLaw(sigma_w=1.3, sigma_b=0.0, hurst=0.8)
    block = TwoBlock(hidden=WIDTH) if two else OutsideBlock()
    value, stderr = sampled(law, phi, two=two, backwards=backwards)
    exact = first_order_sum(law, block, phi, DEPTH, backwards=backwards)
    assert abs(value - exact) < 4 * stderr
    assert stderr < 0.04 * exact


def test_crossings_are_the_critical_exponents_where_the_sum_is_a_power():
    block = TwoBlock(hidden=4)
    assert first_order_crossing(IidLaw(sigma_b=0.0), block, "relu", (16, 128)) == pytest.approx(0.5)
    assert first_order_crossing(TiedLaw(sigma_b=0.0), block, "relu", (16, 128)) == pytest.approx(1.0)
    for hurst in (0.6, 0.9):  # sum of the covariance of the noise: L^(2H), at every L
        law = FractionalLaw(sigma_b=0.0, hurst=hurst)
        assert first_order_crossing(law, OutsideBlock(), "relu", (4, 8)) == pytest.approx(hurst)
    deep = first_order_crossing(FractionalLaw(sigma_b=0.0, hurst=0.9), block, "tanh", (2**17, 2**18))
    assert deep == pytest.approx(0.8, abs=0.01)


def test_what_declares_no_correlation_has_no_sum():
    assert math.isnan(first_order_sum(RoughLaw(sigma_b=0.0), TwoBlock(), "relu", 8))
    assert math.isnan(first_order_sum(IidLaw(sigma_b=0.0), OneBlock(), "relu", 8))
    assert math.isnan(first_order_crossing(RoughLaw(sigma_b=0.0), TwoBlock(), "relu", (8, 16)))
