"""Distances between weight paths of networks of different depths."""

from __future__ import annotations

import numpy as np
import pytest

from resnet_limits.claims.distance import at_common_times, sup_distance, sup_size


def test_a_deeper_path_is_read_at_the_times_of_the_shallower_one():
    times = np.arange(8) / 8
    fine = (times**2)[None, :, None]
    np.testing.assert_array_equal(at_common_times(fine, 4)[0, :, 0], (np.arange(4) / 4) ** 2)


def test_depths_without_common_times_are_refused():
    with pytest.raises(ValueError, match="12 layers"):
        at_common_times(np.zeros((1, 12, 1)), 8)


def test_the_distance_is_the_largest_root_mean_square_over_time():
    a, b = np.zeros((2, 3, 2)), np.zeros((2, 3, 2))
    b[:, 1] = [[3.0, 4.0], [0.0, 0.0]]
    assert sup_distance(a, b) == pytest.approx(np.sqrt(25 / 4))
    assert sup_size(b) == sup_distance(a, b)
