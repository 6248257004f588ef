"""Minimisers on a data set: certificates, Richardson limits, losses, and requests that are refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from resnet_limits import settings as keys
from resnet_limits.errors import SettingError
from resnet_limits.settings import Gamma, GammaKeys, Gaussian, Moons
from resnet_limits.studies.gamma import real, real_paths
from resnet_limits.studies.study import FinishedJob, Record

from .verdicts import SMALL, STUDY, measured, values, verdict


@pytest.fixture(scope="module")
def jobs():
    return measured(real, depths=(8, 16, 32, 64))


@pytest.mark.parametrize("claim", ["value", "value.observed", "boundary.start", "boundary.end"])
def test_minimisers_on_digits_converge_at_order_one(jobs, claim: str):
    judgement = verdict(f"gamma.real.{claim}", jobs, real_paths)
    assert judgement.measured is not None
    assert judgement.measured.value == pytest.approx(1, abs=0.1), judgement.why


def test_they_are_certified_and_classify(jobs):
    assert max(values(jobs, "gradient_norm")) < 1e-10
    assert min(values(jobs, "smallest_eigenvalue")) > 0
    assert max(values(jobs, "boundary_missed")) < 1e-8
    assert min(values(jobs, "train_accuracy")) > 0.4
    assert max(values(jobs, "newton_iterations")) <= 12
    assert max(values(jobs, "branch_surprise")) < 1


def test_a_branch_that_ends_on_the_way_is_noticed_and_nothing_is_judged_across_its_end():
    settings = replace(SMALL, width=16, gamma=GammaKeys(alpha=0.01, train_points=250))
    jobs = measured(real, settings, depths=(16, 32))
    (beyond,) = values(jobs, "branch_surprise")
    assert beyond > 4
    judgement = verdict("gamma.real.boundary.end", jobs)
    assert judgement.verdict == "inconclusive"
    assert "another" in judgement.why


@pytest.mark.parametrize(
    ("data", "loss"), [(Gaussian(train_size=20, test_size=5, features=3), None), (Moons(train_size=30), "square")]
)
def test_regression_and_squares_of_classes_are_minimised_too(data: keys.Data, loss: str | None):
    settings = replace(SMALL, data=data, gamma=GammaKeys(loss=loss))
    jobs = measured(real, settings, depths=(8,))
    assert values(jobs, "gradient_norm")[0] < 1e-10
    assert values(jobs, "minimum")[0] < 2


def fake(depth: int, *, order: float = 1.0) -> FinishedJob:
    """Weights `1 + t + (1 + t)/n^order`, value `2 + 1/n^order`."""
    t = np.arange(depth)[:, None, None] / depth
    path = (1 + t) * (1 + depth**-order)
    arrays = {"real.K": path, "real.b": path[:, 0]}
    record = Record("minimum", 2 + depth**-order, coordinates={"problem": "data"})
    return FinishedJob(Gamma(depth=depth), [record], arrays.get)


def test_the_limit_of_doubling_depths_is_extrapolated():
    found = {(c.depth, c.record.observable): c.record for c in real_paths.compare([fake(n) for n in (8, 16, 32, 64)])}
    for depth in (8, 64):
        assert found[depth, "value_gap"].value == pytest.approx(1 / depth, rel=1e-6)
        assert found[depth, "weights_sup"].value == pytest.approx(2**0.5 * 15 / 8 / depth, rel=1e-6)
    assert found[64, "value_gap"].reference_error < 1e-6


def test_depths_that_do_not_double_are_left_out_and_two_are_too_few():
    assert {c.depth for c in real_paths.compare([fake(n) for n in (6, 8, 16, 24, 32)])} == {8, 16, 32}
    assert real_paths.compare([fake(8), fake(16)]) == []
    assert real_paths.compare([]) == []


def test_weights_that_converge_slowly_are_not_supported_at_order_one():
    jobs = [fake(n, order=0.5) for n in (8, 16, 32, 64, 128)]
    values = {c.depth: c.record for c in real_paths.compare(jobs) if c.record.observable == "value_gap"}
    assert values[128].reference_error > 0.1 * values[128].value


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"gamma": {"alpha": 0.0}}, "gamma.alpha: expected above 0"),
        ({"gamma": {"alpha_b": -1.0}}, "gamma.alpha_b: expected above 0"),
        ({"gamma": {"tau": 0.0}}, "gamma.tau: expected above 0"),
        ({"gamma": {"loss": "hinge"}}, "gamma.loss: unknown value 'hinge'"),
        ({"minimiser": {"starts": 0}}, "minimiser.starts"),
    ],
)
def test_values_out_of_range_are_refused(given: dict, words: str):
    with pytest.raises(SettingError, match=words.replace(".", r"\.")):
        keys.from_mapping({"study": "gamma", **given})


def test_what_cannot_be_run_is_refused():
    with pytest.raises(SettingError, match=r"cross_entropy.*data=gaussian"):
        STUDY.check(Gamma(data=Gaussian(), gamma=GammaKeys(loss="cross_entropy")))
    with pytest.raises(SettingError, match="depth=1"):
        STUDY.check(Gamma(depth=1))
    with pytest.raises(SettingError, match="horizon=2"):
        STUDY.check(Gamma(horizon=2.0))
    with pytest.raises(SettingError, match="dtype=float32"):
        STUDY.check(Gamma(dtype="float32"))
    STUDY.check(Gamma(data=Gaussian(), gamma=GammaKeys(loss="square")))
