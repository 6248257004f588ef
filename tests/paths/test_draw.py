"""Drawing the parameters of a block."""

import math

import pytest
from resnet_limits.paths.draw.law import Init

from resnet_limits.errors import SettingError
from resnet_limits.paths import LAWS, draw
from resnet_limits.paths.path import standard_deviation
from resnet_limits.settings.registry import CHOICES


def test_every_law_of_the_settings_can_be_drawn():
    assert set(LAWS) == set(CHOICES[Init]) - {"matrix_normal"}, "which is no path over depth: the study sde samples it"


def test_size_of_the_entries():
    assert standard_deviation((5, 16), 2.0, 0.5) == 0.5
    assert standard_deviation((16,), 2.0, 0.5) == 0.5
    assert standard_deviation((8, 3, 2, 2), 2.0, 0.5) == 2 / math.sqrt(12)
    with pytest.raises(ValueError, match="scalar"):
        standard_deviation((), 1.0, 1.0)


def test_unknown_law_is_refused():
    with pytest.raises(SettingError, match="did you mean 'smooth'"):
        draw(Init("smoth"), {"b": (1,)}, depth=1, horizon=1.0, replicas=1, seed=0)
