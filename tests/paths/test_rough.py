"""Weights that are the values of a fractional Brownian path."""

import pytest
import torch

from resnet_limits.errors import SettingError
from resnet_limits.paths.draw import draw_path
from resnet_limits.paths.fractional import CELLS_OF_GRID
from resnet_limits.paths.laws.rough import RoughLaw
from resnet_limits.testing.path_laws import PathLaws, assert_covariance


class RoughLaws(PathLaws):
    law: RoughLaw

    def covariance(self, s, t):
        twice_h = 2 * self.law.hurst
        return 1 + (s**twice_h + t**twice_h - (s - t).abs() ** twice_h) / 2


class TestRougherThanBrownian(RoughLaws):
    law = RoughLaw(sigma_w=1.3, sigma_b=0.4, hurst=0.25)


class TestSmootherThanBrownian(RoughLaws):
    law = RoughLaw(sigma_w=1.3, sigma_b=0.4, hurst=0.75)


@pytest.mark.parametrize("hurst", [0.1, 0.5, 0.9])
def test_increments_scale_like_the_hurst_index(hurst):
    """`E (theta(t + d) - theta(t))^2 = d^2H` down to one cell of the grid, at the same t in every entry."""
    path = draw_path(RoughLaw(hurst=hurst), {"b": (100,)}, depth=8, horizon=1.0, replicas=20, seed=1)["b"]
    for cells in (1, 4, 64, 1024):
        start = torch.tensor([0.25], dtype=torch.float64)
        step = cells / CELLS_OF_GRID
        increments = (path.at(start + step) - path.at(start)).reshape(-1, 1) / 0.5
        assert_covariance(increments / step**hurst, torch.ones(1, 1, dtype=torch.float64))


def test_linear_between_grid_points():
    path = draw_path(RoughLaw(), {"W": (2, 2)}, depth=8, horizon=1.0, replicas=2, seed=1)["W"]
    left, middle, right = (path.at(torch.tensor((100 + x) / CELLS_OF_GRID, dtype=torch.float64)) for x in (0, 0.25, 1))
    torch.testing.assert_close(middle, 0.75 * left + 0.25 * right, rtol=1e-12, atol=1e-12)


def test_depth_beyond_the_grid_is_refused():
    draw_path(RoughLaw(), {"b": (1,)}, depth=CELLS_OF_GRID, horizon=1.0, replicas=1, seed=0)
    with pytest.raises(SettingError, match=r"depth=4097: init=rough .* 4096 cells"):
        draw_path(RoughLaw(), {"b": (1,)}, depth=CELLS_OF_GRID + 1, horizon=1.0, replicas=1, seed=0)
