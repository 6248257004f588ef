"""What the study refuses before it runs, and what it warns of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resnet_limits.data.sources.digits import DigitsData
from resnet_limits.data.sources.gaussian import GaussianData
from resnet_limits.data.sources.mnist import MnistData
from resnet_limits.data.sources.moons import MoonsData
from resnet_limits.errors import MeasurementError, SettingError
from resnet_limits.measurement.job import Job
from resnet_limits.paths.laws.iid import IidLaw
from resnet_limits.paths.laws.matrix_normal import MatrixNormalLaw
from resnet_limits.settings.checks import check_values as check_ranges
from resnet_limits.settings.keys import flat
from resnet_limits.studies import study as studies
from resnet_limits.studies.kernel.accuracy import measure as accuracy
from resnet_limits.studies.kernel.request import check, warnings
from resnet_limits.studies.kernel.settings import Kernel, KernelKeys
from tests.studies.kernel.small import SMALL
from tests.studies.verdicts import measured, value, verdicts


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (Kernel(init=MatrixNormalLaw()), r"init=matrix_normal: .* choose init=iid"),
        (
            Kernel(kernel=KernelKeys(ridge=0.0)),
            r"kernel.ridge=0: .* rank at most d_in \+ 1 = 65, and with 1400 training",
        ),
        (Kernel(data=MoonsData(), kernel=KernelKeys(ridge=0.0)), r"at most d_in \+ 1 = 3"),
        (Kernel(data=MnistData(), kernel=KernelKeys(ridge=0.0)), r"at most d_in \+ 1 = 785, and with 60000"),
        (Kernel(data=GaussianData(features=5), kernel=KernelKeys(ridge=0.0)), r"at most d_in \+ 1 = 6"),
        (Kernel(kernel=KernelKeys(points=1401)), "kernel.points=1401: digits has 1400 training points"),
        (Kernel(data=DigitsData(train_size=3), kernel=KernelKeys(points=3)), "kernel.inputs=4: digits has 3"),
        (Kernel(data=DigitsData(train_size=1797)), "no test points are left"),
    ],
    ids=lambda value: "" if isinstance(value, Kernel) else value[:20],
)
def test_what_cannot_be_run_is_refused_in_words(settings: Kernel, words: str):
    with pytest.raises(SettingError, match=words):
        check(settings)


@pytest.mark.parametrize(("key", "value"), [("ridge", -0.1), ("rate", 2.0), ("rate", 0.0), ("steps", 0)])
def test_keys_out_of_range_are_refused_by_name(key: str, value: float):
    with pytest.raises(SettingError, match=rf"^kernel.{key}: expected .* got {value}"):
        check_ranges(Kernel(kernel=replace(KernelKeys(), **{key: value})))


def test_what_can_be_run_is_not_refused():
    for settings in (Kernel(), Kernel(data=MnistData()), Kernel(data=GaussianData())):
        check(settings)
        assert warnings(settings) == []
    check(Kernel(data=DigitsData(train_size=60), kernel=KernelKeys(ridge=0.0, points=60)))


@pytest.mark.parametrize("activation", ["swish", "relu"])
def test_without_ridge_only_affine_kernels_are_known_to_be_singular(activation: str):
    check(Kernel(activation=activation, kernel=KernelKeys(ridge=0.0)))


def test_an_activation_with_a_kink_is_warned_of():
    (line,) = warnings(Kernel(activation="relu"))
    assert "activation=relu: it has no phi'(0), and infinitely deep networks have no limit" in line


def test_a_horizon_beyond_the_blow_up_is_warned_of():
    (line,) = warnings(Kernel(activation="swish", horizon=5.0))
    assert "horizon=5 is beyond the blow-up time 4.43 of activation=swish" in line


def test_an_input_that_blows_up_before_the_horizon_leaves_a_reason_and_the_deep_block():
    settings = replace(SMALL, activation="swish", horizon=3.5)
    assert warnings(settings) == []
    judgement = verdicts("accuracy", settings, (4,))["kernel.expressivity.deep"]
    assert judgement.verdict == "inconclusive"
    assert "moments that blow up before the horizon at no training or test point" in judgement.why
    records = measured("accuracy", settings, (4,))[4]
    assert value(records, "blow_up_time").value < 3.5
    assert value(records, "accuracy.deep").value > 0.8


@pytest.mark.parametrize("group", ["expressivity", "accuracy"])
@pytest.mark.parametrize(("points", "activation"), [(60, "tanh"), (64, "tanh"), (200, "swish")])
def test_a_singular_system_without_ridge_is_an_error_in_words_in_every_part(group, points, activation):
    if (group, activation) == ("expressivity", "swish"):
        pytest.skip("no ridge identity")
    keys_ = KernelKeys(ridge=0.0, points=50, deep_points=50)
    settings = Kernel(activation=activation, horizon=0.2, data=DigitsData(train_size=points), kernel=keys_)
    check(settings)
    with pytest.raises(MeasurementError, match=r"singular to rounding .* set a ridge"):
        measured(group, settings, (4,))


def test_a_regular_system_takes_no_ridge():
    """Fewer points than the rank: kernel and linear regression are both interpolations of least norm."""
    settings = Kernel(data=DigitsData(train_size=40), kernel=KernelKeys(ridge=0.0, points=40, deep_points=40))
    check(settings)
    assert verdicts("expressivity", settings, (4,))["kernel.expressivity.ridge"].verdict == "supported"
    assert verdicts("accuracy", settings, (4,))["kernel.inference.linear"].verdict == "supported"


def test_a_singular_system_without_ridge_is_an_error_in_words():
    """Digits have constant pixels: 60 points are more than their kernel's rank."""
    settings = Kernel(depth=4, data=DigitsData(train_size=64), kernel=KernelKeys(ridge=0.0, points=50))
    check(settings)
    with pytest.raises(MeasurementError, match=r"singular to rounding \(64 points, rank \d+\); set a ridge"):
        accuracy.measure(Job(settings))


@pytest.mark.slow
def test_what_is_measured_is_documented_and_every_claim_has_a_verdict_at_every_preset():
    study = studies.get("kernel")
    settings = replace(Kernel(), depth=4, width=64, replicas=64, data=DigitsData(train_size=100))
    settings.kernel = KernelKeys(inputs=2, networks=2, trained_depth=2, points=20, steps=2, deep_points=50)
    measurement = study.measure(Job(settings))
    assert {record.observable for record in measurement.records} <= set(study.observables)
    assert set(measurement.arrays) <= set(study.arrays)
    for claim in study.claims:
        assert set(claim.verdicts) == {"full", "smoke", "large"}
        in_depth = claim.expected.what == "order" and claim.expected.along == "depth"
        in_depth = in_depth or any(claim.id in group.compared for group in study.groups)
        assert claim.verdicts["large"] == ("inconclusive" if in_depth else "supported")
        assert claim.observable in study.observables
    known = set(flat(Kernel())) | {"activation_inside", "sigma_A", "sigma_a", "sigma_B"}
    assert {pin for claim in study.claims for pin in claim.pins} <= known
    assert {key for group in studies.get("kernel").groups for key in group.memory} <= known
    assert isinstance(Kernel().init, IidLaw)
