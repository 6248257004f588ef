"""The EPDiff equation on the circle: exact solutions, invariances, and the equation as its solutions obey it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from resnet_limits.limits.hamiltonian.epdiff import at_points, epdiff, grid_of_circle


def kernel(x: np.ndarray) -> np.ndarray:
    return np.exp((np.cos(x) - 1) / 0.8**2)


def momentum(x: np.ndarray) -> np.ndarray:
    return 0.6 * np.sin(x) + 0.3 * np.cos(2 * x) + 0.2


def test_a_constant_kernel_carries_the_momentum_along_at_the_speed_of_its_total():
    x, total = grid_of_circle(32), 0.2 * 2 * np.pi
    field = epdiff(np.ones_like, momentum(x), 64)
    np.testing.assert_allclose(field.velocity, total, atol=1e-12)
    np.testing.assert_allclose(field.momentum[-1], momentum(x - total), atol=1e-7)


def test_it_is_of_order_four_in_time():
    ends = [epdiff(kernel, momentum(grid_of_circle(64)), steps).momentum[-1] for steps in (16, 32, 64)]
    coarse, fine = (np.abs(one - other).max() for one, other in pairwise(ends))
    assert 3.5 < np.log2(coarse / fine) < 4.5


@pytest.mark.parametrize("count", [63, 64])
def test_its_rate_is_that_of_the_equation_with_sums_for_the_convolution(count: int):
    # v and v_x by sums over the grid, m_x in closed form: no transform
    x, steps = grid_of_circle(count), 300
    apart = x[:, None] - x[None]
    m, m_x = momentum(x), 0.6 * np.cos(x) - 0.6 * np.sin(2 * x)
    v = 2 * np.pi / count * kernel(apart) @ m
    v_x = 2 * np.pi / count * (-np.sin(apart) / 0.8**2 * kernel(apart)) @ m
    path = epdiff(kernel, m, steps).momentum
    rate = (-3 * path[0] + 4 * path[1] - path[2]) * steps / 2
    np.testing.assert_allclose(rate, -v * m_x - 2 * v_x * m, atol=1e-3)


def test_backwards_from_the_negative_end_it_comes_to_the_negative_start():
    m = momentum(grid_of_circle(128))
    there = epdiff(kernel, m, 256).momentum[-1]
    np.testing.assert_allclose(epdiff(kernel, -there, 256).momentum[-1], -m, atol=1e-7)


@pytest.mark.parametrize("count", [9, 10])
def test_at_points_a_trigonometric_polynomial_is_itself(count: int):
    of = lambda x: 0.3 - 2 * np.cos(3 * x + 0.4) + np.sin(x)  # noqa: E731
    x = np.array([-1.0, 0.1, 2.0, 7.0])
    np.testing.assert_allclose(at_points(of(grid_of_circle(count)), x), of(x), atol=1e-13)
