"""Other penalties from the same i.i.d. start: rough, or trivial, where the H1 norm has a limit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from resnet_limits.settings.training import Minimiser
from resnet_limits.studies.gamma.ablation import claims
from resnet_limits.studies.gamma.ablation import compare as ablation_paths
from resnet_limits.studies.gamma.ablation import measure as ablation
from resnet_limits.studies.gamma.settings import GammaKeys
from resnet_limits.training.depth_regularised import DepthRegularised
from resnet_limits.training.minimiser import minimise
from tests.planting import plant, resize
from tests.studies.gamma.small import SMALL, measured
from tests.studies.verdicts import value, values, verdict


@pytest.fixture(scope="module")
def jobs():
    return measured(ablation, replace(SMALL, replicas=3), depths=(4, 8, 16, 32, 64))


@pytest.mark.slow
def test_with_the_h1_norm_any_start_ends_in_one_minimiser_that_converges(jobs):
    judgement = verdict("gamma.ablation.h1", jobs)
    assert judgement.verdict == "supported", judgement.why
    roughness = values(jobs, "roughness", control="h1")
    assert roughness[-1] == pytest.approx(roughness[-2], rel=0.05)


@pytest.mark.parametrize(("claim", "order"), [("none.roughness", -2), ("decay.roughness", -2), ("unscaled", 1)])
def test_controls_grow_or_vanish_at_their_order(jobs, claim: str, order: float):
    judgement = verdict(f"gamma.ablation.{claim}", jobs)
    assert judgement.measured is not None
    assert judgement.measured.value == pytest.approx(order, abs=0.3), judgement.why


@pytest.mark.parametrize("control", ["none", "decay"])
def test_controls_stay_apart_from_depth_to_depth(jobs, control: str):
    judgement = verdict(f"gamma.ablation.{control}.path", jobs, ablation_paths)
    assert judgement.measured is not None
    assert judgement.measured.value == pytest.approx(0, abs=0.3), judgement.why


@pytest.mark.slow
def test_standard_errors_are_the_scatter_between_seeds():
    """Of eight seeds, starts of one problem: their scatter is 0.6 to 1.5 of what each says, in 19 of 20 trials."""
    settings = [replace(SMALL, replicas=4, seed=seed) for seed in range(8)]
    jobs = [measured(ablation, settings_of_start, depths=(8,))[0][1] for settings_of_start in settings]
    for observable, control in (
        ("relative_roughness", "none"),
        ("relative_roughness", "decay"),
        ("roughness", "decay"),
    ):
        rows = [value(m.records, observable, control=control) for m in jobs]
        scatter = float(np.std([row.value for row in rows], ddof=1))
        assert 0.5 < scatter / np.sqrt(np.mean([row.stderr**2 for row in rows])) < 2


def test_where_all_starts_end_in_one_minimiser_nothing_is_random_and_seeds_agree():
    a, b = (measured(ablation, replace(SMALL, seed=seed), depths=(8,))[0][1] for seed in (0, 1))
    for control in ("h1", "unscaled"):
        for observable in ("roughness", "weights_size", "loss"):
            one, other = (value(m.records, observable, control=control) for m in (a, b))
            assert np.isnan(one.stderr)
            assert one.value == pytest.approx(other.value, rel=1e-8)
            assert one.reference_error < 1e-8 * abs(one.value)


def test_networks_that_are_not_trained_do_not_move_and_are_not_supported(monkeypatch: pytest.MonkeyPatch):
    resize(monkeypatch, claims, MAX_LOSS_WITHOUT_PENALTY=np.inf)
    plant(monkeypatch, minimise, lambda problem, start, **keys: replace(minimise(problem, start, **keys), point=start))
    jobs = measured(ablation, replace(SMALL, replicas=2), depths=(4, 8, 16, 32))
    assert verdict("gamma.ablation.none.roughness", jobs).verdict != "supported"
    assert verdict("gamma.ablation.none.path", jobs, ablation_paths).verdict != "supported"


def test_starts_of_all_depths_agree_at_common_times_and_do_not_depend_on_their_number():
    def paths(depth: int, count: int) -> np.ndarray:
        settings = ablation.of_the_controls(replace(SMALL, depth=depth))
        problem = ablation.small(settings, "regression", dimension=3, points=4)
        return np.stack([problem.weights(u).path for u in ablation.starts(settings, problem, count)])

    coarse, fine = paths(8, 2), paths(16, 5)
    assert coarse == pytest.approx(fine[:2, ::2])
    assert np.abs(coarse[0] - coarse[1]).max() > 0.1


def test_the_controls_have_penalties_of_their_own_whatever_the_setting():
    other = replace(SMALL, gamma=GammaKeys(dimension=1, points=5, alpha=3.0, alpha_w=2.0, tau_b=9.0), activation="gelu")
    here, there = (measured(ablation, replace(s, replicas=2), depths=(4,)) for s in (SMALL, other))
    assert values(here, "roughness") == values(there, "roughness")


def test_the_h1_norm_in_place_of_a_control_is_refuted(monkeypatch: pytest.MonkeyPatch):
    careful = DepthRegularised.__init__

    def wrong(self: DepthRegularised, *arguments, **given):
        careful(self, *arguments, **(given | {"penalty": "h1"}))

    monkeypatch.setattr(DepthRegularised, "__init__", wrong)
    resize(monkeypatch, claims, PENALTY_SIZES={"decay": 0.01}, POINTS_BY_CONTROL={"decay": 4})
    jobs = measured(ablation, replace(SMALL, replicas=3), depths=(8, 16, 32, 64, 128))
    assert verdict("gamma.ablation.decay.roughness", jobs).verdict == "refuted"
    assert verdict("gamma.ablation.decay.path", jobs, ablation_paths).verdict == "refuted"


def test_a_control_that_has_not_met_the_data_says_nothing(monkeypatch: pytest.MonkeyPatch):
    resize(monkeypatch, claims, MAX_LOSS_WITHOUT_PENALTY=0.0)
    jobs = measured(ablation, replace(SMALL, minimiser=Minimiser(iterations=2)), depths=(4,))
    judgement = verdict("gamma.ablation.none.roughness", jobs)
    assert judgement.verdict == "inconclusive"
    assert "not met" in judgement.why
    assert "not reached" in verdict("gamma.ablation.decay.roughness", jobs).why
