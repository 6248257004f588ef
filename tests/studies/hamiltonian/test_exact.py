"""`hamiltonian.exact`: instances with a closed form, and points that are typed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resnet_limits.data.sources.points import PointsData
from resnet_limits.measurement.job import InMemory
from resnet_limits.studies.hamiltonian.exact import compare as of_exact
from resnet_limits.studies.hamiltonian.exact import instances
from resnet_limits.studies.hamiltonian.exact import measure as exact
from resnet_limits.studies.hamiltonian.exact.instances import LINE, POINT
from resnet_limits.studies.hamiltonian.problem import setup
from resnet_limits.studies.hamiltonian.settings import Hamiltonian
from resnet_limits.studies.hamiltonian.two_landmarks import compare as of_two_landmarks
from resnet_limits.studies.hamiltonian.two_landmarks import measure as two_landmarks
from tests.planting import resize
from tests.studies.hamiltonian.small import SHARED, SMALL, STUDY, measured
from tests.studies.verdicts import verdict

CLAIMS = {claim.id: claim for claim in STUDY.claims}
DEPTHS = (4, 8, 16, 32)
FINE = replace(SMALL, hamiltonian=replace(SMALL.hamiltonian, steps=256))


@pytest.mark.slow
def test_networks_and_shooting_find_the_closed_forms():
    for part, comparison in ((exact, of_exact), (two_landmarks, of_two_landmarks)):
        jobs = measured(part, FINE, DEPTHS, SHARED)
        for claim in STUDY.parts[part.__name__.split(".")[-2]]:
            judgement = verdict(claim, jobs, comparison)
            assert judgement.verdict == "supported", judgement.why


def test_a_closed_form_of_half_the_weight_is_refuted(monkeypatch: pytest.MonkeyPatch):
    right = exact.CLOSED_FORMS["line"]
    half = {"line": lambda settings, problem: right(settings, replace(problem, nu=problem.nu / 2))}
    resize(monkeypatch, instances, INSTANCES=(LINE,))
    resize(monkeypatch, exact, CLOSED_FORMS=half)
    jobs = measured(exact, SMALL, DEPTHS, InMemory())
    assert verdict("hamiltonian.exact.line", jobs, of_exact).verdict == "refuted"
    assert verdict("hamiltonian.exact.line.observed", jobs).verdict == "refuted"
    assert verdict("hamiltonian.exact.line.shooting", jobs).verdict == "refuted"


def test_points_that_are_typed_take_the_place_of_the_standard_ones():
    typed = Hamiltonian(data=PointsData(x=[0.1], y=[-0.7]))
    problem = setup(POINT.settings(typed))
    assert (problem.q0.tolist(), problem.loss.y.tolist()) == ([[0.1]], [[-0.7]])
    assert setup(POINT.settings(SMALL)).q0.tolist() == [[0.4]]
    assert setup(LINE.settings(Hamiltonian(data=PointsData(x=[0.1, 0.3], y=[1, 2])))).q0.shape == (2, 1)


@pytest.mark.parametrize(
    ("data", "claim", "words"),
    [
        (PointsData(x=[0.1, 0.2], y=[1, 2]), "point", "2 given, and this is of 1"),
        (PointsData(x=[0.1], y=[1]), "landmarks", "1 given, and this is of 2"),
        (PointsData(x=[0.1, 0.2], y=[1], features=2), "line", "2 coordinates, and this is of the line"),
        (PointsData(x=[0.1], y=[1, 2]), "linear", "2 targets a point of 1 coordinates"),
    ],
)
def test_points_of_another_problem_lie_outside_in_words(data: PointsData, claim: str, words: str):
    assert words in str(CLAIMS[f"hamiltonian.exact.{claim}"].outside(Hamiltonian(data=data)))


def test_points_that_are_to_stay_move_nowhere_and_say_so(monkeypatch: pytest.MonkeyPatch):
    resize(monkeypatch, instances, INSTANCES=(POINT,))
    settings = Hamiltonian(hamiltonian=SMALL.hamiltonian, data=PointsData(x=[0.4], y=[0.4]))
    jobs = measured(exact, settings, (4, 8), InMemory())
    for claim in STUDY.parts["exact"][:3]:
        judged = verdict(claim, jobs, of_exact)
        assert judged.verdict == "inconclusive"
        assert "no point moves" in judged.why
