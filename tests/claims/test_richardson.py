"""Richardson extrapolation: exact for two powers of 1/L, and honest about its error."""

from __future__ import annotations

import numpy as np
import pytest

from resnet_limits.claims.richardson import richardson_limit


def test_two_powers_of_the_step_are_eliminated_exactly():
    limit = np.array([2.0, -1.0])
    values = [limit + np.array([3.0, 1.0]) / L + np.array([-5.0, 2.0]) / L**2 for L in (4, 8, 16)]
    extrapolated, _ = richardson_limit(values)
    np.testing.assert_allclose(extrapolated, limit, atol=1e-13)


def test_the_error_of_the_table_bounds_that_of_the_limit():
    values = [1.0 + 0.7 / L + 0.3 / L**2 + 0.9 / L**3 for L in (4, 8, 16, 32)]
    extrapolated, difference = richardson_limit([np.array(v) for v in values])
    assert abs(extrapolated - 1.0) < abs(difference)


def test_fewer_than_three_depths_have_no_error():
    with pytest.raises(ValueError, match="three depths"):
        richardson_limit([np.zeros(1), np.zeros(1)])
