"""Drawing the parameters of a block."""

import math

import pytest

from resnet_limits.errors import SettingError
from resnet_limits.paths.draw import draw_path
from resnet_limits.paths.laws.law import Init
from resnet_limits.paths.path import standard_deviation


def test_a_law_that_is_no_function_of_time_is_refused():
    with pytest.raises(SettingError, match="init=matrix_normal: weights of this law are sampled layer by layer"):
        draw_path(Init.options["matrix_normal"](), {"W": (2, 2)}, depth=4, horizon=1.0, replicas=2, seed=0)


def test_size_of_the_entries():
    assert standard_deviation((5, 16), 2.0, 0.5) == 0.5
    assert standard_deviation((16,), 2.0, 0.5) == 0.5
    assert standard_deviation((8, 3, 2, 2), 2.0, 0.5) == 2 / math.sqrt(12)
    with pytest.raises(ValueError, match="scalar"):
        standard_deviation((), 1.0, 1.0)


def test_unknown_law_is_refused():
    with pytest.raises(SettingError, match="did you mean 'smooth'"):
        draw_path(Init("smoth"), {"b": (1,)}, depth=1, horizon=1.0, replicas=1, seed=0)
