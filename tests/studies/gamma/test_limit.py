"""Minimisers against their limit: orders, certificates, and planted faults that turn verdicts red."""

from __future__ import annotations

import contextlib
import math
from dataclasses import replace

import numpy as np
import pytest

from resnet_limits.errors import MeasurementError
from resnet_limits.limits.euler_lagrange import extremal
from resnet_limits.measurement.job import Job
from resnet_limits.settings.training import Minimiser
from resnet_limits.studies.gamma import starts
from resnet_limits.studies.gamma.branch import at_depth
from resnet_limits.studies.gamma.limit import compare as plateaus
from resnet_limits.studies.gamma.limit import measure as limit
from resnet_limits.studies.gamma.problem import small
from resnet_limits.studies.gamma.settings import Gamma, GammaKeys
from resnet_limits.training.depth_regularised import DepthRegularised
from tests.planting import plant
from tests.studies.gamma.small import DEPTHS, SMALL, STUDY, measured
from tests.studies.verdicts import values, verdict

ORDERS = [c.id for c in STUDY.group("limit").claims]
DISTANCES = ["gamma.value", "gamma.weights", "gamma.tl2", "gamma.recovery"]


@pytest.fixture(scope="module")
def jobs():
    return measured(limit, depths=(*DEPTHS, 128))


@pytest.mark.parametrize("claim", ORDERS)
def test_minimisers_converge_to_the_solution_of_the_euler_lagrange_equations(jobs, claim: str):
    judgement = verdict(claim, jobs, plateaus)
    assert judgement.verdict == "supported", judgement.why


@pytest.mark.parametrize("activation", ["swish", "gelu"])
def test_so_they_do_in_the_plane_with_other_activations(activation: str):
    settings = replace(
        SMALL, activation=activation, gamma=GammaKeys(dimension=2, points=5, starts=6, alpha=0.03, tau_b=2.0)
    )
    jobs = measured(limit, settings)
    for claim in ("gamma.value.observed", "gamma.h1", "gamma.classes.value.observed"):
        judgement = verdict(claim, jobs)
        assert judgement.measured is not None
        assert judgement.measured.value == pytest.approx(1, abs=0.1), judgement.why


def test_the_step_function_of_the_limit_itself_has_the_distance_of_the_grid(jobs):
    floor, h = values(jobs, "tl2_floor", problem="regression"), [1 / s.depth for s, _ in jobs]
    limit_path = jobs[-1][1].arrays["regression.limit"]
    energy = (np.diff(limit_path, axis=0) ** 2).sum() * len(limit_path)  # int |K'|^2
    assert floor[-1] == pytest.approx(h[-1] * ((1 + energy) / 3) ** 0.5, rel=0.01)


def test_newton_takes_as_many_steps_at_every_depth():
    jobs = measured(limit, depths=(16, 64, 256))
    for problem in ("regression", "classification"):
        steps, products = (values(jobs, o, problem=problem) for o in ("newton_iterations", "hessian_products"))
        assert max(steps) <= 6
        assert products[-1] <= 1.2 * products[0]
    assert values(jobs, "lbfgs_iterations") == [0.0] * 9


def test_every_minimum_is_certified(jobs):
    assert max(values(jobs, "gradient_norm")) < 1e-11
    assert min(values(jobs, "smallest_eigenvalue")) > 0.5


def test_a_spline_through_the_layers_continues_smooth_paths():
    path = np.sin(np.arange(8) / 8)[:, None]
    assert at_depth(path, 16)[:, 0] == pytest.approx(np.sin(np.arange(16) / 16), abs=1e-4)
    assert at_depth(path[:1], 3).shape == (3, 1)


IN_THE_PLANE = replace(SMALL, gamma=GammaKeys(alpha=0.015, dimension=2, points=8))
"""At seed 0 it has eleven minima: the start from zero leads to the fourth, and which is least changes with depth."""


def starting(number: int) -> Gamma:
    return replace(IN_THE_PLANE, gamma=replace(IN_THE_PLANE.gamma, starts=number))


def test_of_several_minima_the_least_beyond_a_depth_is_judged_and_where_it_is_local_only_that_is_said():
    one, many = (measured(limit, starting(n), depths=(8,)) for n in (1, 16))
    assert values(one, "branch_distance") == []
    assert values(one, "minimum", problem="regression") == pytest.approx([0.25926], abs=1e-5)
    assert values(many, "minimum", problem="regression") == pytest.approx([0.228862], abs=1e-6)
    assert values(many, "above_least", problem="regression") == pytest.approx([0.00458], abs=1e-5)
    assert verdict("gamma.least", one, plateaus).verdict == "refuted"
    judgement = verdict("gamma.least", many, plateaus)
    assert judgement.verdict == "supported"
    assert "the others are local only; it is local only, too, at L=8 (by 0.005)" in judgement.note
    eigenvalues = values(many, "branch_eigenvalue", problem="regression")
    assert len(eigenvalues) == len(values(many, "branch_minimum", problem="regression")) > 4
    assert min(eigenvalues) > 0
    assert f"{len(eigenvalues)} of {len(eigenvalues)} certified as strict local minima" in judgement.note


@pytest.mark.slow
def test_an_extremal_lower_than_all_ends_of_descents_is_taken():
    """One descent ends above what random paths part of the way down lead to; of sixteen some end lower than those."""
    one, many = (
        limit.lowest_extremal(job, small(job.settings, "regression"), {}) for job in map(Job, map(starting, (1, 16)))
    )
    assert one is not None
    assert many is not None
    assert one.ends == 0 < one.collocated_lowest
    assert many.ends > 0
    assert many.value < one.value == pytest.approx(0.225344, abs=1e-6)


@pytest.mark.slow
def test_the_lowest_extremal_is_that_of_collocation_from_paths_that_no_descent_led_to():
    """Random starts of `solve_bvp` itself: none is lower, and some are as low."""
    settings = replace(SMALL, gamma=GammaKeys(alpha=0.015, dimension=1, points=6))
    job, problem = Job(settings), small(settings, "regression")
    lowest = limit.lowest_extremal(job, problem, {})
    assert lowest is not None
    lowest_found = []
    for number in range(5):
        start = starts.drawn(problem.at_depth(16), 1, number, "test.collocation")
        with contextlib.suppress(MeasurementError):
            lowest_found.append(extremal(problem, start, tolerance=1e-4, nodes=200).value)
    assert min(lowest_found) == pytest.approx(lowest.value, rel=1e-5)


# -- planted faults -------------------------------------------------------------------------------

DEEP = (32, 64, 128, 256, 512)
"""Depths at which the error of a fault stands out against what is left of the first order."""


@pytest.mark.slow
@pytest.mark.parametrize("power", [0, 2])
def test_another_power_of_the_depth_in_the_penalty_is_refuted(monkeypatch: pytest.MonkeyPatch, power: int):
    def sizes(self: DepthRegularised, a: float, tau: float) -> tuple[float, float]:
        return math.sqrt(a * tau), math.sqrt(a * self.depth**power)

    exact = {}
    for name, kind in limit.KIND_BY_PROBLEM.items():
        job = limit.of_problem(Job(SMALL), name)
        problem = small(job.settings, kind)
        exact[problem.penalties, kind] = limit.limit_of_branch(job, problem, kind)
    plant(monkeypatch, limit.limit_of_branch, lambda job, problem, kind: exact[problem.penalties, kind])
    monkeypatch.setattr(DepthRegularised, "sizes", sizes)
    jobs = measured(limit, depths=DEEP)
    # without the factor n minimisers become rough, and what is left of three claims still bends at these depths
    word = verdict("gamma.value", jobs, plateaus).verdict
    assert word == "refuted" or (power == 0 and word == "inconclusive")
    assert verdict("gamma.value.observed", jobs).verdict == "refuted"
    for claim in ("gamma.weights", "gamma.h1", "gamma.boundary.start", "gamma.classes.weights"):
        judgement = verdict(claim, jobs, plateaus)
        bends = power == 0 and claim in ("gamma.weights", "gamma.h1", "gamma.classes.weights")
        assert judgement.verdict in (("inconclusive", "refuted") if bends else ("refuted",)), (claim, judgement.why)


@pytest.mark.slow
@pytest.mark.parametrize("fault", [{"t1": 2.0}, {"K": 1.0}, {"W": 0.02}], ids=["wrong-boundary", "no-a1", "twice-a3"])
def test_a_limit_of_another_problem_is_refuted(monkeypatch: pytest.MonkeyPatch, fault: dict[str, float]):
    def wrong(problem: DepthRegularised, guess, **how):
        return extremal(replace(problem, penalties=replace(problem.penalties, **fault)), guess, **how)

    plant(monkeypatch, extremal, wrong)
    jobs = measured(limit, depths=DEEP)
    for claim in ("gamma.value", "gamma.weights", "gamma.classes.weights"):
        judgement = verdict(claim, jobs, plateaus)
        assert judgement.verdict == "refuted", (claim, judgement.why)


def test_a_loss_gradient_that_is_off_misses_the_exact_conditions(monkeypatch: pytest.MonkeyPatch):
    careful = DepthRegularised.loss_gradient

    def wrong(self: DepthRegularised, w):
        gradient = careful(self, w)
        return replace(gradient, K=1.001 * gradient.K)

    monkeypatch.setattr(DepthRegularised, "loss_gradient", wrong)
    assert verdict("gamma.boundary.exact", measured(limit)).verdict == "refuted"


# -- what cannot be judged ------------------------------------------------------------------------


def test_a_minimiser_that_was_not_reached_leaves_claims_inconclusive_with_the_gradient_norm():
    jobs = measured(limit, replace(SMALL, minimiser=Minimiser(iterations=1)))
    for claim in ("gamma.value.observed", "gamma.boundary.exact"):
        judgement = verdict(claim, jobs)
        assert judgement.verdict == "inconclusive"
        assert "relative gradient norm" in judgement.why


def test_a_limit_that_collocation_does_not_find_leaves_claims_inconclusive(monkeypatch: pytest.MonkeyPatch):
    def none(problem, guess, **how):
        raise MeasurementError("the maximum number of mesh nodes is exceeded")

    plant(monkeypatch, extremal, none)
    jobs = measured(limit, depths=(4, 8))
    judgement = verdict("gamma.weights", jobs, plateaus)
    assert judgement.verdict == "inconclusive"
    assert "no limit was found" in judgement.why
    assert values(jobs, "limit_found") == [0.0] * 6
    assert len(values(jobs, "gradient_norm")) == 6


def test_a_limit_that_is_off_by_a_thousandth_is_refuted(monkeypatch: pytest.MonkeyPatch):
    """Its value falls at an order that looks like 1; what is left at infinite depth does not."""

    def off(problem: DepthRegularised, guess, **how):
        solution = extremal(problem, guess, **how)
        return replace(solution, value=solution.value * (1 - 4e-3))

    plant(monkeypatch, extremal, off)
    jobs = measured(limit, depths=(4, 8, 16, 32))
    assert verdict("gamma.value", jobs, plateaus).verdict == "refuted"


def test_a_minimiser_that_is_zero_is_not_judged_by_ratios_of_rounding():
    """So large a penalty that the layers do nothing: distances of their weights are rounding."""
    settings = replace(SMALL, gamma=replace(SMALL.gamma, alpha=1e5))
    jobs = measured(limit, settings)
    for claim in ("weights", "weights.observed", "h1", "boundary.start", "boundary.end"):
        judgement = verdict(f"gamma.{claim}", jobs, plateaus)
        assert judgement.verdict == "inconclusive", (claim, judgement.why)


def test_relu_lies_outside_the_theorem():
    for claim in STUDY.claims:
        if claim.id in DISTANCES:
            assert "relu" in (claim.outside(replace(SMALL, activation="relu")) or "")
