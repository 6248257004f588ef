"""What the study `flow` refuses, in words that say what to do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resnet_limits.data.sources.gaussian import GaussianData
from resnet_limits.data.sources.spirals import SpiralsData
from resnet_limits.errors import SettingError
from resnet_limits.paths.laws.matrix_normal import MatrixNormalLaw
from resnet_limits.settings.checks import check_values
from resnet_limits.settings.training import Train
from resnet_limits.studies.flow.settings import Flow, FlowKeys, ImageKeys
from resnet_limits.studies.flow.study import STUDY


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (Flow(init=MatrixNormalLaw()), "init=matrix_normal draws no path, .* paths over depth"),
        (Flow(flow=FlowKeys(inputs=5000)), "flow.inputs=5000: spirals has 1000 training points"),
        (Flow(flow=FlowKeys(points=5000)), "flow.points=5000: spirals has 1000"),
        (Flow(data=GaussianData(), figure="deformed_grid"), "figure=deformed_grid shows networks that classify"),
        (Flow(data=GaussianData(), figure="folding"), "figure=folding shows networks that classify"),
        (
            Flow(data=SpiralsData(train_size=100), flow=FlowKeys(points=50), train=Train(batch_size=200)),
            "train.batch_size",
        ),
    ],
)
def test_requests_that_cannot_be_run(settings, words):
    with pytest.raises(SettingError, match=words):
        STUDY.check(settings)


@pytest.mark.parametrize(
    ("units", "words"),
    [
        ([], "one or more different integers"),
        ([3, 3], "one or more different integers"),
        ([0], "at least 1"),
        (["a"], "integers such as"),
        ([True], "integers such as"),
        ("3", "integers such as"),
    ],
)
def test_lists_of_units(units, words):
    with pytest.raises(SettingError, match=r"flow.images.units.*" + words):
        check_values(replace(Flow(), flow=FlowKeys(images=ImageKeys(units=units))))


@pytest.mark.parametrize("bound", [0.0, 1.0, 1.5, float("nan")])
def test_a_bound_has_to_lie_below_one(bound):
    with pytest.raises(SettingError, match=r"flow\.bound"):
        check_values(replace(Flow(), flow=FlowKeys(bound=bound)))
