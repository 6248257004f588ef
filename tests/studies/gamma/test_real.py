"""Minimisers on a data set: certificates, Richardson limits, losses, and requests that are refused."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from resnet_limits.data.sources.gaussian import GaussianData
from resnet_limits.data.sources.moons import MoonsData
from resnet_limits.data.sources.source import Data
from resnet_limits.errors import SettingError
from resnet_limits.measurement.job import FinishedJob
from resnet_limits.measurement.record import Measurement, Record
from resnet_limits.settings.build import from_mapping
from resnet_limits.studies.gamma.real import compare as real_paths
from resnet_limits.studies.gamma.real import measure as real
from resnet_limits.studies.gamma.settings import Gamma, GammaKeys
from tests.studies.gamma.small import SMALL, STUDY, measured
from tests.studies.verdicts import values, verdict


@pytest.fixture(scope="module")
def jobs():
    return measured(real, depths=(8, 16, 32, 64))


@pytest.mark.parametrize("claim", ["value.observed", "tl2.observed", "h1", "boundary.start", "boundary.end"])
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
    assert max(r.value for _, m in jobs for r in m.records if r.observable == "branch_surprise") < 2


@pytest.mark.slow
def test_a_branch_that_ends_on_the_way_is_noticed_and_nothing_is_judged_across_its_end():
    settings = replace(SMALL, width=16, gamma=GammaKeys(alpha=0.01, train_points=250))
    jobs = measured(real, settings, depths=(16, 32))
    surprises = {r.step: r.value for r in jobs[-1][1].records if r.observable == "branch_surprise"}
    assert surprises[32] > 4 > surprises[16]
    judgement = verdict("gamma.real.boundary.end", jobs)
    assert judgement.verdict == "inconclusive"
    assert "another" in judgement.why


@pytest.mark.parametrize(
    ("data", "loss"),
    [(GaussianData(train_size=20, test_size=5, features=3), None), (MoonsData(train_size=30), "square")],
)
def test_regression_and_squares_of_classes_are_minimised_too(data: Data, loss: str | None):
    settings = replace(SMALL, data=data, gamma=GammaKeys(loss=loss))
    jobs = measured(real, settings, depths=(8,))
    assert values(jobs, "gradient_norm")[0] < 1e-10
    assert values(jobs, "minimum")[0] < 2


def test_layers_that_have_nothing_to_do_give_no_ratios_of_rounding():
    """So large a penalty that the layers have nothing to do: the minimiser is zero, and no claim is refuted."""
    settings = replace(SMALL, data=MoonsData(train_size=30), gamma=GammaKeys(alpha=1e5, train_points=30))
    jobs = measured(real, settings, depths=(4, 8, 16, 32))
    assert max(float(np.abs(m.arrays["real.K"]).max()) for _, m in jobs) < 1e-9
    for claim in ("boundary.start", "boundary.end", "weights.observed", "h1"):
        judgement = verdict(f"gamma.real.{claim}", jobs, real_paths)
        assert judgement.verdict == "inconclusive"
        assert "zero to rounding" in judgement.why


def fake(depth: int, *, order: float = 1.0, bend: float = 0.0) -> FinishedJob:
    """Weights `1 + t + (1 + t)/n^order`, value `2 + 1/n^order + bend/n^{2 order}`."""
    t = np.arange(depth)[:, None, None] / depth
    path = (1 + t) * (1 + depth**-order)
    arrays = {"real.K": path, "real.b": path[:, 0]}
    record = Record("minimum", 2 + depth**-order + bend * depth ** (-2 * order), coordinates={"problem": "data"})
    return FinishedJob(Gamma(depth=depth), [record], arrays.get)


def test_the_limit_of_doubling_depths_is_extrapolated():
    records = {(c.depth, c.record.observable): c.record for c in real_paths.compare([fake(n) for n in (8, 16, 32, 64)])}
    for depth in (8, 64):
        assert records[depth, "value_gap"].value == pytest.approx(1 / depth, rel=1e-6)
        assert records[depth, "weights_sup"].value == pytest.approx(2**0.5 * 15 / 8 / depth, rel=1e-6)
    assert records[64, "value_gap"].reference_error < 1e-6


def test_depths_that_do_not_double_are_left_out_and_two_are_too_few():
    assert {c.depth for c in real_paths.compare([fake(n) for n in (6, 8, 16, 24, 32)])} == {8, 16, 32}
    assert real_paths.compare([fake(8), fake(16)]) == []
    assert real_paths.compare([]) == []


def test_tl2_and_h1_are_distances_to_the_limit_at_all_times():
    records = {(c.depth, c.record.observable): c.record for c in real_paths.compare([fake(n) for n in (8, 16, 32, 64)])}
    t = np.linspace(0, 1, 4001)
    for n in (8, 64):
        step = np.minimum((t * n).astype(int), n - 1) / n  # K and b have one entry each: 1 + t in the limit
        squares = 2 * ((1 + step) * (1 + 1 / n) - (1 + t)) ** 2 + (step - t) ** 2
        assert records[n, "tl2"].value == pytest.approx(np.trapezoid(squares, t) ** 0.5, rel=1e-2)
        # K_k - K(k/n) = (1 + k/n)/n, with slope 1/n, and tau = 1
        assert records[n, "h1"].value == pytest.approx((2 * ((n - 1) / n + 1)) ** 0.5 / n, rel=1e-6)
        assert records[n, "h1"].reference_error < 1e-6


def test_values_that_converge_slowly_are_not_judged_against_a_limit_that_first_order_extrapolates():
    judgement = compared("value.observed", order=0.5)
    assert judgement.verdict == "inconclusive"
    assert "reference" in judgement.why or "usable depths" in judgement.why
    assert compared("value.observed", order=1.0).verdict == "supported"


def compared(claim: str, *, order: float):
    """The verdict on a claim about `fake` networks of this order."""
    jobs = [fake(n, order=order, bend=0.2) for n in (8, 16, 32, 64, 128)]
    finished = [(job.settings, Measurement(list(job.records), {})) for job in jobs]
    comparison = SimpleNamespace(compare=lambda _: real_paths.compare(jobs))
    return verdict(f"gamma.real.{claim}", finished, comparison)


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
        from_mapping({"study": "gamma", **given})


def test_what_cannot_be_run_is_refused():
    with pytest.raises(SettingError, match=r"cross_entropy.*data=gaussian"):
        STUDY.check(Gamma(data=GaussianData(), gamma=GammaKeys(loss="cross_entropy")))
    with pytest.raises(SettingError, match="depth=1"):
        STUDY.check(Gamma(depth=1))
    with pytest.raises(SettingError, match="horizon=2"):
        STUDY.check(Gamma(horizon=2.0))
    with pytest.raises(SettingError, match="dtype=float32"):
        STUDY.check(Gamma(dtype="float32"))
    STUDY.check(Gamma(data=GaussianData(), gamma=GammaKeys(loss="square")))
