"""What is left of a distance at infinite depth, and what bounds its error."""

from __future__ import annotations

import math

import numpy as np
import pytest

from resnet_limits.measurement.record import Record
from resnet_limits.studies.plateau import plateau


def left(off, depths=(4, 8, 16, 32, 64)) -> Record:
    (comparison,) = plateau("plateau", {L: np.atleast_2d(off(L)) for L in depths}, 1e-6, {"of": "own"})
    assert comparison.depth == depths[-1]
    assert (comparison.record.observable, comparison.record.coordinates) == ("plateau", {"of": "own"})
    return comparison.record


@pytest.mark.parametrize("size", [0.0, 1e-3, 0.2])
def test_the_plateau_is_what_is_left_and_its_error_covers_what_higher_powers_do(size: float):
    record = left(lambda L: size + 0.5 / L - 0.7 / L**2 + 2 / L**3)
    assert abs(record.value - size) < record.reference_error < 2e-3


@pytest.mark.parametrize("order", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("size", [0.0, 1e-3])
def test_it_asks_for_no_order(order: float, size: float):
    record = left(lambda L: size + 0.5 * L**-order)
    assert record.value == pytest.approx(size, abs=1e-12)
    assert record.reference_error == pytest.approx(1e-6)


def test_what_is_left_may_point_elsewhere_than_what_falls():
    record = left(lambda L: 0.001 * np.array([3.0, 4.0]) + np.array([0.4, -0.3]) / L)
    assert record.value == pytest.approx(0.005 / math.sqrt(2))


def test_of_several_times_the_largest_counts():
    record = left(lambda L: np.array([[0.1], [0.3], [0.2]]) + 1 / L)
    assert record.value == pytest.approx(0.3)


def test_what_does_not_fall_is_left_as_a_whole():
    for off in (lambda L: 0.2 + 1e-3 * (-1) ** math.log2(L), lambda L: 0.2 + 1e-3 * L, lambda L: 0.2):
        record = left(off)
        assert abs(record.value - off(64)) < 1e-12
        assert record.reference_error < 0.1


def test_depths_that_do_not_double_are_not_used_and_four_are_needed():
    assert left(lambda L: 1e-3 + 0.5 / L, (5, 8, 16, 24, 32, 64)).value == pytest.approx(1e-3)
    assert plateau("plateau", {L: np.array([[1 / L]]) for L in (8, 16, 24, 32)}, 0.0, {}) == []
    assert plateau("plateau", {}, 0.0, {}) == []
