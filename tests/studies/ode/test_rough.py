"""`ode.rough`: the order of networks whose weights are values of a rough path."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from resnet_limits.paths import fractional
from resnet_limits.paths.laws.fractional import FractionalLaw
from resnet_limits.paths.laws.rough import RoughLaw
from resnet_limits.paths.laws.smooth import SmoothLaw
from resnet_limits.studies.ode.problem import problem
from resnet_limits.studies.ode.rough import measure as rough
from resnet_limits.studies.ode.settings import OdeKeys
from tests.planting import plant, resize
from tests.studies.ode.small import CALIBRATED, SMALL, calibrated, measured
from tests.studies.verdicts import verdict


@pytest.mark.parametrize("hurst", [0.25, 0.75])
def test_rough_weights_have_order_min_of_one_and_h_plus_one_half(hurst: float):
    jobs = measured(rough, replace(SMALL, init=RoughLaw(hurst=hurst)))
    judgement = verdict("ode.rough", jobs)
    assert judgement.expected_value == min(1, hurst + 0.5)
    assert judgement.measured is not None
    assert abs(judgement.measured.value - judgement.expected_value) < 0.15, judgement.why


def test_sums_of_rough_paths_follow_their_covariance_with_the_stated_error(monkeypatch: pytest.MonkeyPatch):
    resize(monkeypatch, fractional, CELLS_OF_GRID=64)  # cells of the path: the law is exact on any grid
    law = RoughLaw(hurst=0.4, sigma_b=0.5)
    settings = replace(SMALL, depth=16, horizon=0.7, width=1, replicas=48, init=law, ode=OdeKeys(inputs=1))
    off = calibrated(rough, "rough_ratio", settings)
    assert np.mean(off) == pytest.approx(0, abs=3 / CALIBRATED**0.5)
    assert np.std(off) == pytest.approx(1, abs=0.35)


@pytest.mark.slow
def test_smooth_weights_in_place_of_rough_ones_are_refuted(monkeypatch: pytest.MonkeyPatch):
    plant(monkeypatch, problem, lambda s, **given: problem(s, **{**given, "init": SmoothLaw()}))
    assert verdict("ode.rough", measured(rough, replace(SMALL, replicas=256))).verdict == "refuted"


def test_the_hurst_index_of_the_setting_is_that_of_the_rough_path():
    assert rough.rough_law(replace(SMALL, init=FractionalLaw(hurst=0.4))).hurst == 0.4
    assert rough.rough_law(replace(SMALL, init=RoughLaw(hurst=0.6, sigma_w=2.0))).sigma_w == 2.0
