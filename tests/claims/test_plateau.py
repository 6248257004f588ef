"""The plateau of a distance: exact where it is `d_inf + c/L^p`, covered where corrections are left, and seen."""

from __future__ import annotations

import numpy as np
import pytest

from resnet_limits.claims.order import fit_order
from resnet_limits.claims.plateau import doubling, extrapolated


def plateau(distances: list[float]) -> tuple[float, float]:
    """The rule for single numbers."""
    left, error = extrapolated([np.array([[distance]]) for distance in distances])
    return float(left[0, 0]), error


DEPTHS = np.array([8.0, 16.0, 32.0, 64.0, 128.0])


@pytest.mark.parametrize("p", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("left", [0.0, 1e-3, 0.2])
def test_it_is_exact_for_one_power_of_the_depth(p: float, left: float):
    value, error = plateau(list(left + 3 * DEPTHS**-p))
    assert value == pytest.approx(left, abs=1e-10)
    assert error < 1e-10


@pytest.mark.parametrize("c", [-2.0, 0.5, 4.0])
def test_its_error_covers_the_next_power(c: float):
    value, error = plateau(list(1e-3 + 1 / DEPTHS + c / DEPTHS**2))
    assert abs(value - 1e-3) < error < 0.1


def test_a_plateau_that_the_order_does_not_show_is_found():
    distances = 1e-3 + 1 / DEPTHS
    assert fit_order(DEPTHS, distances).low > 0.5, "the distance falls"
    value, error = plateau(list(distances))
    assert value - error > 0.9e-3, "and does not tend to 0"


def test_a_distance_that_does_not_change_is_left_as_a_whole():
    assert plateau([1.0, 1.0, 1.0, 1.0]) == (1.0, 0.0)


def test_the_depths_that_double_up_to_the_deepest():
    assert doubling([3, 8, 16, 32, 24, 4]) == [4, 8, 16, 32]
    assert doubling([]) == []
