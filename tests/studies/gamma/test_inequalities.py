"""The two inequalities of Gamma-convergence: what perturbations cost, and what the limit's weights recover."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from resnet_limits.limits.ritz import Ritz
from resnet_limits.studies.gamma.inequalities import claims, measure
from resnet_limits.studies.gamma.inequalities import compare as recovery
from resnet_limits.training.depth_regularised import DepthRegularised
from tests.studies.gamma.small import DEPTHS, STUDY, measured
from tests.studies.verdicts import values, verdict

IDS = [claim.id for claim in STUDY.group("inequalities").claims]


@pytest.fixture(scope="module")
def jobs():
    return measured(measure, depths=(*DEPTHS, 128))


@pytest.mark.parametrize("claim", IDS)
def test_both_inequalities_hold(jobs, claim: str):
    judgement = verdict(claim, jobs, recovery)
    assert judgement.verdict == "supported", judgement.why


def test_an_oscillation_costs_its_own_power_of_the_depth(jobs):
    for power in claims.POWERS_OF_OSCILLATIONS:
        ratios = values(jobs, "oscillation_cost", power=power)
        assert min(ratios) > 0.8
        assert ratios[-1] == pytest.approx(1, abs=0.02)


def test_paths_that_are_no_minimisers_are_met_too_and_their_energy_is_that_of_the_limit(jobs):
    for path in ("minimiser", "random 1", "random 2", "random 3"):
        excess = np.abs(values(jobs, "perturbed_excess", path=path, shape="none"))
        assert excess[-1] < 0.02
        assert excess[-2] / excess[-1] == pytest.approx(2, abs=0.3), path


def test_an_energy_of_these_paths_that_is_too_high_is_refuted(monkeypatch: pytest.MonkeyPatch):
    right = Ritz.value_and_gradient

    def high(self: Ritz, u: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = right(self, u)
        return 1.1 * value, gradient

    monkeypatch.setattr(Ritz, "value_and_gradient", high)
    assert verdict("gamma.liminf.bound", measured(measure), recovery).verdict == "refuted"


def test_a_limit_that_is_not_extremal_is_not_recovered(monkeypatch: pytest.MonkeyPatch):
    """The shallow network itself in place of the extrapolated limit: its energy is off by what it is off, squared."""
    value = DepthRegularised.value
    monkeypatch.setattr(DepthRegularised, "value", lambda self, w: value(self, replace(w, W=1.1 * w.W)))
    assert verdict("gamma.real.recovery", measured(measure), recovery).verdict == "refuted"


@pytest.mark.parametrize("power", [0, 2])
def test_another_power_of_the_depth_in_the_penalty_is_seen_by_oscillations(monkeypatch: pytest.MonkeyPatch, power: int):
    def sizes(self: DepthRegularised, a: float, tau: float) -> tuple[float, float]:
        return math.sqrt(a * tau), math.sqrt(a * self.depth**power)

    monkeypatch.setattr(DepthRegularised, "sizes", sizes)
    ratios = np.array(values(measured(measure, depths=(64,)), "oscillation_worst"))
    assert np.abs(np.log(ratios[-1])) > 1
