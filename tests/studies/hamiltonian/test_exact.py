"""`hamiltonian.exact`: instances with a closed form, and points that are typed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resnet_limits.data.sources.points import PointsData
from resnet_limits.measurement.job import InMemory
from resnet_limits.studies import study as studies
from resnet_limits.studies.hamiltonian.exact import instances
from resnet_limits.studies.hamiltonian.exact import measure as exact
from resnet_limits.studies.hamiltonian.exact.instances import LINE, POINT
from resnet_limits.studies.hamiltonian.problem import setup
from resnet_limits.studies.hamiltonian.settings import Hamiltonian
from tests.planting import resize
from tests.studies.hamiltonian.small import SHARED, SMALL, measured
from tests.studies.verdicts import verdict

CLAIMS = {claim.id: claim for claim in studies.get("hamiltonian").claims}
DEPTHS = (4, 8, 16, 32)
FINE = replace(SMALL, hamiltonian=replace(SMALL.hamiltonian, steps=256))


@pytest.mark.slow
def test_networks_and_shooting_find_the_closed_forms():
    jobs = measured(exact, FINE, DEPTHS, SHARED)
    for claim in CLAIMS:
        if claim.startswith("hamiltonian.exact."):
            assert verdict(claim, jobs).verdict == "supported", claim


def test_a_closed_form_of_half_the_weight_is_refuted(monkeypatch: pytest.MonkeyPatch):
    right = exact.CLOSED_FORMS["line"]
    half = {"line": lambda settings, problem: right(settings, replace(problem, nu=problem.nu / 2))}
    resize(monkeypatch, instances, INSTANCES=(LINE,))
    resize(monkeypatch, exact, CLOSED_FORMS=half)
    jobs = measured(exact, SMALL, DEPTHS, InMemory())
    assert verdict("hamiltonian.exact.line", jobs).verdict == "refuted"
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
    judged = verdict("hamiltonian.exact.point", measured(exact, settings, (4, 8), InMemory()))
    assert judged.verdict == "inconclusive"
    assert "no point moves" in judged.why
