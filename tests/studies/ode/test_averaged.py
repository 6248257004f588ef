"""`ode.averaged`: independent weights average out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from resnet_limits.limits.averaged import averaged_field
from resnet_limits.paths.laws.iid import IidLaw
from resnet_limits.studies.ode.averaged import measure as averaged
from resnet_limits.studies.ode.settings import OdeKeys
from tests.planting import plant
from tests.studies.ode.small import CALIBRATED, SMALL, calibrated, measured
from tests.studies.verdicts import verdict


def test_independent_weights_average_out_at_one_half_and_their_mean_at_one():
    jobs = measured(averaged, replace(SMALL, width=8, replicas=256))
    rms, mean = verdict("ode.averaged.rms", jobs), verdict("ode.averaged.mean", jobs)
    assert rms.verdict == "supported", rms.why
    assert mean.measured is not None
    assert mean.measured.low < 1 < mean.measured.high, mean.why


@pytest.mark.slow
def test_fluctuations_follow_the_central_limit_theorem_with_the_stated_error():
    # a horizon and sizes other than 1, which would hide a factor
    law = IidLaw(sigma_w=0.8, sigma_b=0.5)
    settings = replace(SMALL, depth=64, horizon=0.5, width=3, replicas=48, init=law, ode=OdeKeys(inputs=1))
    off = calibrated(averaged, "averaged_ratio", settings)
    assert np.mean(off) == pytest.approx(0, abs=3 / CALIBRATED**0.5)
    assert np.std(off) == pytest.approx(1, abs=0.35)


def test_an_average_over_the_wrong_law_is_not_supported(monkeypatch: pytest.MonkeyPatch):
    wrong = lambda block, phi, *, sigma_w, sigma_b: averaged_field(block, phi, sigma_w=1.1 * sigma_w, sigma_b=sigma_b)  # noqa: E731
    plant(monkeypatch, averaged_field, wrong)
    assert verdict("ode.averaged.mean", measured(averaged)).verdict != "supported"


def test_one_replica_gives_no_verdict_on_a_random_quantity():
    jobs = measured(averaged, replace(SMALL, replicas=1))
    for claim in ("rms", "mean"):
        judgement = verdict(f"ode.averaged.{claim}", jobs)
        assert judgement.verdict == "inconclusive"
        assert "at least 3 replicas" in judgement.why
