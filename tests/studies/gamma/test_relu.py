"""ReLU, whose limit has no equations: values, minimisers and recovery against the limit over polynomials."""

from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd
import pytest

from resnet_limits.runs.records import table
from resnet_limits.studies.gamma.outside import no_equations, no_rate
from resnet_limits.studies.gamma.relu import claims, measure
from resnet_limits.studies.gamma.relu import compare as plateaus
from tests.planting import resize
from tests.studies.gamma.small import SMALL, STUDY, measured
from tests.studies.verdicts import verdict


@pytest.fixture(scope="module")
def jobs():
    return measured(measure, depths=(4, 8, 16, 32, 64))


@pytest.mark.parametrize("claim", [claim.id for claim in STUDY.group("relu").claims])
def test_the_theorem_holds_with_relu(jobs, claim: str):
    judgement = verdict(claim, jobs, plateaus)
    assert judgement.verdict == "supported", judgement.why


def test_several_branches_are_followed_and_those_off_kinks_are_certified(jobs):
    for settings, measurement in jobs:
        by_name = {
            name: [r.value for r in measurement.records if r.observable == name]
            for name in ("branch_minimum", "branch_eigenvalue", "branch_gradient_norm", "above_least")
        }
        assert len(by_name["branch_minimum"]) == measure.BRANCHES_FOLLOWED, settings.depth
        for eigenvalue, gradient in zip(by_name["branch_eigenvalue"], by_name["branch_gradient_norm"], strict=True):
            assert (eigenvalue > 0) if gradient <= measure.RELATIVE_GRADIENT_OF_DESCENT else math.isnan(eigenvalue)
        assert by_name["above_least"][0] >= 0


def test_values_are_as_good_as_the_descents_say_and_far_from_a_minimum_say_nothing(
    jobs, monkeypatch: pytest.MonkeyPatch
):
    for settings, measurement in jobs:
        (value,) = [r for r in measurement.records if r.observable == "value_difference"]
        assert value.reference_error < 0.1 * value.value, settings.depth
    (claim,) = [c for c in STUDY.claims if c.id == "gamma.relu"]
    resize(monkeypatch, claims, MAX_RELATIVE_GRADIENT=0.0)
    frame = pd.concat([table(s, m.records) for s, m in jobs], ignore_index=True)
    assert "relative gradient norm" in (claim.unmet(frame) or "")


def test_what_a_kink_takes_away_is_said_to_be_the_equations_and_the_rates_and_not_the_theorem():
    kinked = replace(SMALL, activation="relu")
    for reason in (no_equations(kinked) or "", no_rate(kinked) or ""):
        assert "the theorem needs no derivative" in reason
    assert no_equations(SMALL) is None
    assert all(claim.outside(kinked) is None for claim in STUDY.group("relu").claims)
