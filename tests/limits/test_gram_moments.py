"""The Gram matrix at width D: closed forms of one input, the limit of infinite width, and simulated networks."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from resnet_limits.limits.gram_moments import gram_moments
from resnet_limits.limits.kernel_recursion import moments_recursion

G = np.array([[1.2, 0.5], [0.5, 0.8]])
S, K, T = 0.3, 0.7, 1.3


def test_the_mean_is_that_of_infinite_width_at_any_width():
    for width in (2, 16, math.inf):
        mean = gram_moments(G, S, K, T, width).mean
        np.testing.assert_allclose(mean, (G + S / K) * math.exp(K * T) - S / K, rtol=1e-12)


def test_the_second_moment_of_one_input_has_a_closed_form():
    """`d E q^2 = (2 + 4/D)(s E q + k E q^2)`, by Euler steps of a millionth, extrapolated."""
    D, q, square, ends = 5, 1.2, 1.2**2, []
    for steps in (20_000, 40_000):
        a, b, h = q, square, T / steps
        for _ in range(steps):
            a, b = a + h * (S + K * a), b + h * (2 + 4 / D) * (S * a + K * b)
        ends.append(b)
    second = gram_moments(np.array([[q]]), S, K, T, D, read_in=False).second[0, 0, 0, 0]
    assert second == pytest.approx(2 * ends[1] - ends[0], rel=1e-6)


def test_without_a_bias_the_fourth_moment_grows_by_its_exponential():
    """`E|x|^4/(E|x|^2)^2` grows by `e^(4 k T/D)`."""
    moments = gram_moments(G, 0.0, K, T, 7, read_in=False)
    grown = moments.second[0, 0, 0, 0] / moments.mean[0, 0] ** 2
    assert grown == pytest.approx(math.exp(4 * K * T / 7), rel=1e-12)


def test_the_constant_of_infinite_width_has_a_closed_form():
    """`-T^2 e^(kT) [k v_0/2 + 2 v_0^2 (e^(kT) - 1)/(kT)]`, and it is what the exact recursion is off by."""
    bias = gram_moments(G, S, K, T, math.inf).bias
    for i, q in enumerate(np.diag(G)):
        v, e = S + K * q, math.exp(K * T)
        assert bias[i, i] == pytest.approx(-(T**2) * e * (K * v / 2 + 2 * v**2 * (e - 1) / (K * T)), rel=1e-12)
    off, q0 = [], torch.tensor(np.diag(G))
    exact = (np.diag(G) + S / K) * math.exp(K * T) - S / K
    for depth in (512, 1024):
        q = moments_recursion("tanh", math.sqrt(K), math.sqrt(S), q0, T, depth)[1][-1].numpy()
        off.append(depth * (q - exact))
    np.testing.assert_allclose(2 * off[1] - off[0], np.diag(bias), rtol=1e-3)


def test_deviations_are_those_of_simulated_networks_of_width_4():
    """The linear network with 4 layers, full matrices: Euler's scheme of the SDE, whose moments close too."""
    torch.manual_seed(0)
    n, D, L = 20_000, 4, 4
    root = torch.linalg.cholesky(torch.from_numpy(G))
    x = torch.einsum("ij,rjd->rid", root, torch.randn(n, 2, D, dtype=torch.float64))
    h = T / L
    for _ in range(L):
        W = math.sqrt(K * h / D) * torch.randn(n, D, D, dtype=torch.float64)
        x = x + x @ W + math.sqrt(S * h) * torch.randn(n, 1, D, dtype=torch.float64)
    V = (x[:, 0] * x[:, 1]).mean(dim=1)
    moments = gram_moments(G, S, K, T, D, steps=L)
    off = (V - V.mean()).square()
    error = float(off.std()) / math.sqrt(n) / (2 * moments.deviation(0, 1))
    assert abs(float(V.std()) - moments.deviation(0, 1)) < 4 * error
    assert abs(gram_moments(G, S, K, T, D).deviation(0, 1) - moments.deviation(0, 1)) > 12 * error


def test_many_steps_are_the_sde_at_order_1():
    exact = gram_moments(G, S, K, T, 6).second
    off = [gram_moments(G, S, K, T, 6, steps=steps).second - exact for steps in (512, 1024)]
    np.testing.assert_allclose(off[0] / off[1], 2, rtol=0.02)
