"""Polynomials of Gram matrices of the linear SDE: closed forms, and sums over simulated matrices."""

from __future__ import annotations

import math

import numpy as np
import pytest

from resnet_limits.limits.gram import GramDiffusion

START = np.array([[1.2, 0.4], [0.4, 0.8]])


def test_means_are_those_of_a_linear_equation():
    gram = GramDiffusion(2, 5, rate=0.7, source=0.3, degree=1)
    for i, j in ((0, 0), (0, 1), (1, 1)):
        value = gram.at(START) @ gram.flow(1.5) @ gram.entry(i, j)
        c = 0.3 / 0.7
        assert value == pytest.approx((START[i, j] + c) * math.exp(0.7 * 1.5) - c)


@pytest.mark.parametrize("width", [1, 4, 100])
def test_without_a_bias_moments_of_norms_are_log_normal(width: int):
    # log |x_T|^2 ~ N(2 k T (1/2 - 1/D), 4 k T/D)
    k, T = 0.6, 1.3
    gram = GramDiffusion(1, width, rate=k, source=0.0, degree=4)
    power = gram.entry(0, 0)
    for p in range(1, 5):
        expected = 2.0**p * math.exp(2 * p * k * T * (0.5 - 1 / width) + p**2 * 2 * k * T / width)
        assert gram.at([[2.0]]) @ gram.flow(T) @ power == pytest.approx(expected)
        power = gram.product(power, gram.entry(0, 0)) if p < 4 else power


def test_products_of_entries_are_those_of_simulated_networks():
    # Euler and Maruyama with full matrices; 5 standard errors, and an error of 1/L of their own.
    width, k, s, depth, count = 3, 0.5, 0.4, 64, 20_000
    stream, h = np.random.default_rng(0), 1 / depth
    x = np.broadcast_to(np.linalg.cholesky(START) @ np.eye(2, width) * math.sqrt(width), (count, 2, width))
    for _ in range(depth):
        W = stream.standard_normal((count, width, width)) * math.sqrt(k * h / width)
        x = x + x @ W + stream.standard_normal((count, 1, width)) * math.sqrt(s * h)
    V = x @ x.transpose(0, 2, 1) / width
    gram = GramDiffusion(2, width, rate=k, source=s, degree=2)
    start, flow = gram.at(START), gram.flow(1.0)
    for (a, b), (c, d) in (((0, 0), (0, 0)), ((0, 0), (1, 1)), ((0, 1), (0, 1)), ((0, 0), (0, 1))):
        products = V[:, a, b] * V[:, c, d]
        expected = float(start @ flow @ gram.product(gram.entry(a, b), gram.entry(c, d)))
        assert abs(products.mean() - expected) < 5 * products.std() / math.sqrt(count) + expected / depth, (a, b, c, d)


def test_a_degree_that_is_too_high_is_not_cut_off():
    gram = GramDiffusion(1, 4, rate=1.0, source=0.0, degree=1)
    with pytest.raises(LookupError):
        gram.product(gram.entry(0, 0), gram.entry(0, 0))
