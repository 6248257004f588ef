"""Steps: right order and right limit, on problems with exact solutions; which weights they read."""

import math
from itertools import pairwise

import pytest
from jaxtyping import TypeCheckError

from resnet_limits.networks.parametrisation import ODE
from resnet_limits.networks.residual import forward
from resnet_limits.networks.steps import STEPS, frozen
from tests import problems

STEPS_AND_FROZEN = [
    *STEPS.values(),
    *(frozen(STEPS[name], at) for name in ("heun", "rk4") for at in ("start", "midpoint")),
    frozen(STEPS["euler"], "midpoint"),
]
DEPTHS = {1: (256, 512, 1024), 2: (64, 128, 256), 4: (16, 32, 64)}


def error(problem, step, depth, horizon=1.0):
    weights = problem.weights_at(step.times(depth, horizon))
    output = forward(problem.field, step, problem.x0, weights, ODE.block_factor(depth, horizon))
    return float((output - problem.solution(horizon)).abs().max())


@pytest.mark.parametrize("problem", [problems.modulated(), problems.logistic()], ids=lambda p: p.name)
@pytest.mark.parametrize("step", STEPS_AND_FROZEN, ids=lambda s: s.name)
def test_a_step_has_the_order_it_declares_and_the_exact_solution_as_limit(problem, step):
    # The slope alone would also be right for a wrong limit reached with the right rate from a bad reference,
    # the error alone for a wrong rate. Weights move in time in both problems: it matters when they are read.
    errors = [error(problem, step, depth) for depth in DEPTHS[step.order]]
    slopes = [math.log2(coarse / fine) for coarse, fine in pairwise(errors)]
    assert slopes[-1] == pytest.approx(step.order, abs=0.06)
    assert errors[-1] < {1: 2e-2, 2: 5e-4, 4: 5e-7}[step.order]


@pytest.mark.parametrize("problem", [problems.linear(), problems.rotation()], ids=lambda p: p.name)
@pytest.mark.parametrize("at", ["start", "midpoint"])
@pytest.mark.parametrize("name", sorted(STEPS))
def test_shared_weights_keep_the_full_order_when_frozen(problem, name, at):
    order = STEPS[name].order
    coarse, fine = (error(problem, frozen(STEPS[name], at), depth) for depth in DEPTHS[order][-2:])
    assert math.log2(coarse / fine) == pytest.approx(order, abs=0.06)


def test_a_frozen_step_declares_the_order_that_freezing_leaves():
    declared = {(name, at): frozen(STEPS[name], at).order for name in STEPS for at in ("start", "midpoint")}
    assert declared == {
        ("euler", "start"): 1,
        ("euler", "midpoint"): 1,
        ("heun", "start"): 1,
        ("heun", "midpoint"): 2,
        ("rk4", "start"): 1,
        ("rk4", "midpoint"): 2,
    }


@pytest.mark.parametrize("step", STEPS_AND_FROZEN, ids=lambda s: s.name)
def test_times_and_sets_agree(step):
    depth, horizon = 6, 1.5
    times = step.times(depth, horizon)
    h = horizon / depth
    assert step.depth_of(len(times)) == depth
    assert [i for k in range(depth) for i in step.sets(k)][-1] == len(times) - 1
    for k in range(depth):
        read = times[list(step.sets(k))]
        assert read.min() >= k * h - 1e-12
        assert read.max() <= (k + 1) * h + 1e-12
    offsets = ((times[list(step.sets(2))] - 2 * h) / h).tolist()
    ends = {"euler": [0], "heun": [0, 1], "rk4": [0, 0.5, 1]}
    expected = ends.get(step.name, [0.5] if step.name.endswith("midpoint") else [0])
    assert offsets == pytest.approx(expected, abs=1e-12)


def test_the_number_of_sets_is_that_of_the_scheme():
    assert {name: len(step.times(8)) for name, step in STEPS.items()} == {"euler": 8, "heun": 9, "rk4": 17}
    with pytest.raises(ValueError, match="2 L \\+ 1"):
        STEPS["rk4"].depth_of(8)


def test_an_unknown_place_to_freeze_is_refused():
    with pytest.raises((ValueError, TypeCheckError), match="midpoint"):  # by us, or by the checked annotation
        frozen(STEPS["heun"], "end")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(("name", "order"), [("euler", 1), ("heun", 3), ("rk4", 5)])
def test_the_reversed_network_undoes_the_network_to_the_next_odd_order(name, order):
    problem, step = problems.logistic(), STEPS[name]
    errors = []
    for depth in {1: (256, 512), 3: (64, 128), 5: (8, 16)}[order]:
        sets = problem.weights_at(step.times(depth))["r"].unbind(1)
        h = ODE.block_factor(depth)
        x = forward(problem.field, step, problem.x0, problem.weights_at(step.times(depth)), h)
        for k in reversed(range(depth)):
            x = step.reverse(problem.field, x, h, [{"r": sets[i]} for i in step.sets(k)])
        errors.append(float((x - problem.x0).abs().max()))
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.15)
    assert errors[-1] < 2e-2
