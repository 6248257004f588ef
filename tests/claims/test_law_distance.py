"""Distances between laws: those of scipy, and their errors cover."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from resnet_limits.claims.law_distance import (
    energy_distance,
    kolmogorov_distance,
    kolmogorov_radius,
    two_sample_distance,
)


def test_kolmogorov_distances_are_those_of_scipy():
    random = np.random.default_rng(0)
    a, b = random.normal(0.1, 1, 300), random.normal(0, 1, 200)
    one, two = stats.kstest(a, "norm")[0], stats.ks_2samp(a, b)[0]
    assert kolmogorov_distance(a, stats.norm.cdf) == pytest.approx(one)
    assert two_sample_distance(a, b) == pytest.approx(two)


def test_the_radius_covers_the_true_distance():
    random, n, outside = np.random.default_rng(1), 400, 0
    for _ in range(500):
        outside += kolmogorov_distance(random.normal(size=n), stats.norm.cdf) > kolmogorov_radius(n)
    assert 5 < outside < 50  # 25 expected


def test_the_energy_distance_is_that_of_scipy_without_its_bias():
    random = np.random.default_rng(2)
    a, b = random.normal(0, 1, 500), random.normal(0.7, 1, 500)
    biased = stats.energy_distance(a, b) ** 2  # 2 E|X-Y| - E|X-X'| - E|Y-Y'|, each pair with itself too
    apart = 2 * np.abs(a[:, None] - b).mean()
    within = [np.abs(x[:, None] - x).mean() / 500 for x in (a, b)]
    value, error = energy_distance(a[:, None], b[:, None])
    assert value == pytest.approx((biased - sum(within)) / apart, rel=0.01)
    assert 0 < error < value
    beside = np.zeros(500)  # two dimensions, one of them empty: the way of many
    assert energy_distance(np.stack([a, beside], 1), np.stack([b, beside], 1)) == pytest.approx((value, error))


def test_the_energy_distance_of_three_pairs_by_hand():
    # h_ij = 20 - 2 |i - j|, whose mean over i != j is 52/3; the mean distance of the two samples is 10
    value, _ = energy_distance(np.array([[0.0], [1.0], [2.0]]), np.array([[10.0], [11.0], [12.0]]))
    assert value == pytest.approx(52 / 3 / 20)


def test_coupling_takes_the_noise_of_the_energy_distance_away():
    random = np.random.default_rng(4)
    a = random.normal(size=(400, 2))
    b = a + 0.05 + 0.01 * random.normal(size=(400, 2))
    shifted, error = energy_distance(a, b)
    alone, its_error = energy_distance(a, random.normal(size=(400, 2)) + 0.05)
    assert error < its_error / 5
    assert abs(alone - shifted) < 4 * its_error


def test_the_energy_distance_of_one_law_is_zero_and_its_error_covers():
    random, within = np.random.default_rng(3), 0
    for _ in range(60):
        value, error = energy_distance(random.normal(size=(100, 3)), random.normal(size=(100, 3)))
        within += abs(value) < 1.96 * error
    assert within >= 51
