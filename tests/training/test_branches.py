"""Branches of minimisers: which is judged does not depend on the depths asked for, and where one ends is noticed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
import torch

from resnet_limits.runs.records import table
from resnet_limits.studies.certificate import of_the_minimiser
from resnet_limits.studies.gamma.settings import Gamma
from resnet_limits.studies.reached import branches_differ, not_reached
from resnet_limits.training.branches import (
    JUDGED_DEPTH,
    SolutionBranch,
    apart,
    branches,
    distance_between,
    surprises,
)
from resnet_limits.training.continuation import Rung, ahead, ladder
from resnet_limits.training.minimiser import Minimum, minimise

WHERE = {"problem": "toy"}


def minimum(point: float, value: float = 1.0, *, converged: bool = True) -> Minimum:
    return Minimum(np.array([point, 1.0]), value, 1e-12, 1e-12, 1.0, 3, 2, 20, converged, "")


def climbed(start: int, depth: int) -> list[Rung]:
    """Of start 1 the value is least at `JUDGED_DEPTH`, of start 0 at all other depths; start 2 never gets there."""
    values = {0: 1.0, 1: 0.5 if depth == JUDGED_DEPTH else 2.0, 2: 0.1}
    return [Rung(n, minimum(start, values[start], converged=start < 2)) for n in ladder(depth)]


@pytest.mark.parametrize("depth", [8, 32, 64])
def test_the_branch_of_least_value_at_one_fixed_depth_comes_first_at_every_depth(depth: int):
    assert [branch.start for branch in branches(climbed, depth, range(3))] == [1, 0, 2]
    assert branches(climbed, depth, range(3))[0].minimum.value == (0.5 if depth == JUDGED_DEPTH else 2.0)
    assert [branch.start for branch in branches(climbed, depth, range(1))] == [0]


def test_the_branch_that_is_least_in_the_limit_comes_first_also_where_another_is_lower_at_that_depth():
    falling = {0: 2.0, 1: 2.001}  # and their slopes in 1/L
    slopes = {0: 0.1, 1: 0.2}

    def climbed(start: int, depth: int) -> list[Rung]:
        return [Rung(n, minimum(start, falling[start] + slopes[start] * (1 / n - 1 / 32))) for n in ladder(depth)]

    assert [branch.start for branch in branches(climbed, 8, [0, 1], beyond=True)] == [1, 0]


def test_of_branches_that_meet_the_one_that_did_not_jump_is_kept():
    def climbed(start: int, depth: int) -> list[Rung]:
        met = {n: start == 0 or n >= 32 for n in ladder(depth)}
        return [Rung(n, minimum(1.0 if met[n] else 2.0, 1 + 1 / n if met[n] else 3.0)) for n in ladder(depth)]

    assert apart(climbed, [1, 0]) == [0]


def test_distances_are_to_the_first_and_relative():
    double = lambda u: (u[0] ** 2 - 1) ** 2 + 0.1 * u[0] + 1  # noqa: E731
    left, right = (minimise(double, torch.tensor([x])) for x in (-0.9, 0.9))
    assert distance_between([left, right]) == pytest.approx(2, abs=0.1)
    assert distance_between([left, left]) == 0


def refine(rungs: Sequence[Rung], depth: int) -> np.ndarray:
    last = rungs[-1].minimum.point
    if len(rungs) < 2:
        return last
    return last + ahead(rungs[-2].depth, rungs[-1].depth, depth) * (last - rungs[-2].minimum.point)


def path(depths: Sequence[int], jump: int | None = None) -> list[Rung]:
    """Minima `1 + 1/n + 1/n^2`, those from depth `jump` on 2 higher."""
    return [Rung(n, minimum(1 + 1 / n + 1 / n**2 + 2 * (jump is not None and n >= jump))) for n in depths]


@pytest.mark.parametrize("depth", [20, 128])
def test_on_a_branch_nothing_surprises(depth: int):
    excess = surprises(path(ladder(depth)), refine)
    assert set(excess) == set(ladder(depth)[1:])
    assert max(excess.values()) < 1.5
    assert all(excess[n] == pytest.approx(0.25, abs=0.1) for n in excess if n > 20 and excess[n] > 0)


@pytest.mark.parametrize("jump", [8, 16, 32, 64, 128])
def test_the_end_of_a_branch_is_noticed_at_any_rung(jump: int):
    excess = surprises(path(ladder(128), jump), refine)
    assert max(excess, key=lambda n: excess[n]) == jump
    assert excess[jump] > 4


def records(branches: Sequence[SolutionBranch], depth: int) -> pd.DataFrame:
    return table(Gamma(depth=depth), of_the_minimiser(branches, refine, 1e-10, WHERE))


def test_nothing_is_judged_across_the_end_of_a_branch():
    def frame(*depths: int) -> pd.DataFrame:
        return pd.concat([records([SolutionBranch(0, path(ladder(n), 8))], n) for n in depths])

    unmet = not_reached(WHERE, "gamma.alpha")
    assert "ends below L=8" in (unmet(frame(4, 8, 16, 32)) or "")
    assert unmet(frame(8, 16, 32)) is None


def test_several_minima_are_said_with_their_values_and_one_minimum_is_not():
    note = branches_differ(WHERE)
    same, other = (
        records([SolutionBranch(0, path((4, 8))), SolutionBranch(1, path((4, 8), jump))], 8) for jump in (None, 4)
    )
    assert note(same) is None
    words = note(other) or ""
    assert "minima that differ" in words
    assert "from L=32 on is judged, the others are local only" in words
    assert set(other[other["observable"] == "branch_minimum"]["start"]) == {0, 1}


def test_every_rung_has_its_certificate_and_counts():
    frame = records([SolutionBranch(0, path(ladder(32)))], 32)
    for name in ("gradient_norm", "smallest_eigenvalue", "lbfgs_iterations", "newton_iterations", "hessian_products"):
        steps = list(frame.loc[frame["observable"] == name, "step"])
        assert sorted(int(step) for step in steps if not pd.isna(step)) == [4, 8, 16, 32], name
        assert len(steps) == 5  # and one of the end
