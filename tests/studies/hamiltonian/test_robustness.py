"""`hamiltonian.robustness`: three arms on the same points under the same noise, a preset of its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from resnet_limits.data.sources.moons import MoonsData
from resnet_limits.measurement.job import InMemory, Job
from resnet_limits.measurement.record import Record
from resnet_limits.studies.hamiltonian.problem import dataset_of
from resnet_limits.studies.hamiltonian.robustness import claims as robustness_claims
from resnet_limits.studies.hamiltonian.robustness import measure as robustness
from resnet_limits.studies.hamiltonian.settings import Hamiltonian, HamiltonianKeys
from tests.planting import resize
from tests.studies.hamiltonian.small import STUDY, measured
from tests.studies.verdicts import value, verdict

TINY = Hamiltonian(
    depth=2,
    replicas=3,
    data=MoonsData(train_size=60, test_size=40, noise=0.3),
    hamiltonian=HamiltonianKeys(points=10, nu=0.01),
    claims=["hamiltonian.robustness"],
)
ARMS = ("nugget", "decay", "dropout")


def measured_at(settings: Hamiltonian) -> list[Record]:
    return robustness.measure(Job(settings)).records


def test_differences_are_those_of_accuracies_that_are_recorded(monkeypatch: pytest.MonkeyPatch):
    parameters = {"nugget": (0.1, 10.0), "decay": (1.0, 100.0), "dropout": (0.1, 0.5)}
    resize(monkeypatch, robustness_claims, PARAMETERS_BY_ARM=parameters)
    jobs = measured(robustness, TINY, (2,), InMemory())
    records = jobs[0][1].records
    assert value(records, "robust_reached").value == 1
    for noise in robustness_claims.NOISE_LEVELS:
        accuracies = {arm: value(records, "robust_accuracy", arm=arm, noise=noise) for arm in ARMS}
        assert all(0.4 < record.value <= 1 for record in accuracies.values())
        for arm in ("decay", "dropout"):
            difference = value(records, "robust_difference", against=arm, noise=noise)
            assert difference.value == pytest.approx(accuracies["nugget"].value - accuracies[arm].value)
            assert difference.replicas == 3
        for arm in ARMS:
            chosen = value(records, "robust_parameter", arm=arm, noise=noise).value
            assert parameters[arm][0] * 0.999 <= chosen <= parameters[arm][-1] * 1.001
    assert (
        value(records, "robust_accuracy", arm="decay", noise=0.0).value
        > value(records, "robust_accuracy", arm="decay", noise=1.0).value
    )
    judgement = verdict("hamiltonian.robustness.decay", jobs)
    assert judgement.measured is not None
    assert judgement.measured.value == value(records, "robust_difference", against="decay", noise=0.5).value
    assert "best at an end of the parameters" in judgement.note


def test_arms_that_do_nothing_are_the_same_network(monkeypatch: pytest.MonkeyPatch):
    resize(
        monkeypatch,
        robustness_claims,
        PARAMETERS_BY_ARM={"nugget": (1e-12,), "decay": (1.0,), "dropout": (1e-12,)},
    )
    records = measured_at(TINY)
    for arm in ("decay", "dropout"):
        difference = value(records, "robust_difference", against=arm, noise=0.5)
        assert (difference.value, difference.stderr) == (0.0, 0.0)
    assert value(records, "robust_at_end", arm="decay", noise=0.5).value == 1


def test_a_seed_splits_the_training_points_and_its_noise_has_the_level():
    data = dataset_of(TINY)
    one, again, other = (robustness.Repetition(TINY, data, r) for r in (0, 0, 1))
    assert one.x.equal(again.x)
    assert not one.x.equal(other.x)
    clean, half, whole = (points for points, _ in one.test)
    assert clean.shape == (robustness.DRAWS_OF_NOISE * 40, 2)
    np.testing.assert_allclose(whole - clean, 2 * (half - clean), atol=1e-12)
    assert float((whole - clean).std()) == pytest.approx(1, abs=0.15)
    held = one.validation[0][0][:50]
    assert not (held[:, None] == one.x[None]).all(-1).any(), "no point is trained on that chooses"


def test_a_parameter_is_chosen_on_the_validation_split_and_not_on_test_points():
    tries = [robustness.Attempt((0.9, 0.5), (0.1, 0.9), True), robustness.Attempt((0.8, 0.6), (0.9, 0.1), True)]
    assert [robustness.best_of(tries, level) for level in (0, 1)] == [0, 1]


def test_where_no_points_are_left_to_choose_by_that_is_said():
    settings = replace(TINY, data=replace(TINY.data, train_size=10))
    records = STUDY.measure(Job(settings)).records
    assert {"no training points are left" in str(record.coordinates["why"]) for record in records} == {True}


def test_networks_that_are_not_minimised_say_nothing(monkeypatch: pytest.MonkeyPatch):
    resize(monkeypatch, robustness_claims, PARAMETERS_BY_ARM={"nugget": (1.0,), "decay": (1.0,), "dropout": (0.1,)})
    settings = replace(TINY, minimiser=replace(TINY.minimiser, iterations=1))
    judgement = verdict("hamiltonian.robustness.decay", measured(robustness, settings, (2,), InMemory()))
    assert judgement.verdict == "inconclusive"
    assert "were not minimised to the end" in judgement.why


def test_it_is_no_part_of_the_sweep_and_all_of_its_preset():
    names = [group.name for group in STUDY.needed(Hamiltonian())]
    assert "robustness" not in names
    assert "robustness" not in [group.name for group in STUDY.needed(Hamiltonian(claims=["hamiltonian"]))]
    assert [group.name for group in STUDY.needed(TINY)] == ["robustness"]
