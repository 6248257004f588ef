"""What is left of a distance at infinite depth, and what bounds its error."""

from __future__ import annotations

import math

import pytest

from resnet_limits.measurement.record import Record
from resnet_limits.studies.plateau import plateaus


def found(distance, depths=(4, 8, 16, 32, 64)):
    records = [(L, Record("distance", distance(L), reference_error=1e-6, coordinates={"of": "own"})) for L in depths]
    return plateaus(records, {"distance": "plateau"})


@pytest.mark.parametrize("left", [0.0, 1e-3, 0.2])
def test_the_plateau_is_what_is_left_and_its_error_covers_what_higher_powers_do(left: float):
    (its,) = found(lambda L: left + 0.5 / L - 0.7 / L**2 + 2 / L**3)
    assert its.depth == 64
    assert (its.record.observable, its.record.coordinates) == ("plateau", {"of": "own"})
    assert abs(its.record.value - left) < its.record.reference_error < 2e-3


@pytest.mark.parametrize("order", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("left", [0.0, 1e-3])
def test_it_asks_for_no_order(order: float, left: float):
    (its,) = found(lambda L: left + 0.5 * L**-order)
    assert its.record.value == pytest.approx(left, abs=1e-12)


def test_a_distance_that_does_not_fall_is_left_as_a_whole():
    for distance in (lambda L: 0.2 + 1e-3 * (-1) ** math.log2(L), lambda L: 0.2 + 1e-3 * L):
        (its,) = found(distance)
        assert abs(its.record.value - distance(64)) < 1e-12
        assert 1e-3 < its.record.reference_error < 0.1


def test_depths_that_do_not_double_are_not_used_and_four_are_needed():
    (its,) = found(lambda L: 1e-3 + 0.5 / L, (5, 8, 16, 24, 32, 64))
    assert its.record.value == pytest.approx(1e-3)
    assert found(lambda L: 1 / L, (8, 16, 24, 32)) == []
    assert found(lambda L: math.nan) == []
