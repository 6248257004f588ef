"""`gamma.relu`: the small regression problem in dimension 1 with relu, whose minima may lie on kinks.

There the gradient jumps, and no minimiser that goes by gradients brings it to zero: a minimum counts as far as descents
reached it. How far that is from one is judged by what a last descent still gains; the gradient norm stands beside it.
Off kinks a minimum is certified to second order, on one it is not.

Branches begin at depth 16, at the lowest ends of many starts that differ, and are followed to the other depths from
there. At each depth the least value is that of all branches and, up to depth 16, of starts of that depth.

The limit has no equations to solve: its least value is sought over polynomials (`limits/ritz.py`), from starts of its
own, and its error is the distance to the least value over polynomials of half the degree at half the steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ....limits.ritz import Ritz
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....training.branches import SolutionBranch, branches
from ....training.certificate import smallest_eigenvalue
from ....training.continuation import Rung, ladder
from ....training.depth_regularised import DepthRegularised, DepthWeights
from ....training.minimiser import Minimum, descend
from ....training.newton import relative_gradient
from ....training.objective import Descended
from ...certificate import of_several
from ...pinned import pinned
from .. import starts
from ..branch import at_depth
from ..norms import largest_layer
from ..problem import small, solution_key
from .claims import PINS_OF_RELU

KIND_OF_PROBLEM = "regression"
DEPTH_OF_STARTS = 16
"""At which branches begin."""
BRANCHES_FOLLOWED = 3
"""How many of the lowest ends of starts are followed."""
RELATIVE_GAP_OF_BRANCHES = 1e-3
"""Of two ends that are told apart by their values; on kinks descents end a little apart."""
DESCENTS = 3
ITERATIONS_A_DESCENT = 100
"""Of L-BFGS, each time afresh: what it knows of the curvature is of no use past a kink."""
RELATIVE_GRADIENT_OF_DESCENT = 1e-6
"""At which a descent ends where there is no kink."""
DEGREE_OF_RITZ_PATHS, STEPS_OF_RITZ_FLOW = 8, 32
"""Of the polynomials, and of the Runge-Kutta method; the coarser ones have half of both."""
TIMES_OF_LIMIT = np.linspace(0, 1, 257)
RELATIVE_ROUNDING_OF_VALUES = 16 * np.finfo(np.float64).eps
"""Of values, relative."""


@dataclass(frozen=True)
class ReluMinimum:
    """Where the last of several descents ended: its value, what it gained, the relative gradient norm there, and off
    kinks the smallest eigenvalue of the Hessian (else nan)."""

    point: np.ndarray
    value: float
    gained: float
    gradient: float
    eigenvalue: float = math.nan


def measure(job: Job) -> Measurement:
    """`value_difference` between depths n and 2n, the relative gradient norm at n, and the distances to the limit."""
    job = replace(job, settings=pinned(job.settings, PINS_OF_RELU))
    depth = job.settings.depth
    problem, here, deeper = small(job.settings, KIND_OF_PROBLEM), _least(job, depth), _least(job, 2 * depth)
    where = {"problem": "relu", **PINS_OF_RELU}
    followed = _judged_first(job)
    judged = followed[0].minimum
    records = [
        Record(
            "value_difference",
            abs(here.value - deeper.value),
            reference_error=here.gained + deeper.gained,
            coordinates=where,
        ),
        Record("relu_gradient_norm", judged.relative_gradient, coordinates=where),
        *of_several(followed, min(here.value, judged.value), where),
        *_distances(problem, here, judged, _limit(job, problem), where),
    ]
    return Measurement([replace(record, replicas=1) for record in records])


def _distances(
    problem: DepthRegularised, here: ReluMinimum, judged: Minimum, limit: ReluLimit, where: dict[str, Any]
) -> list[Record]:
    """Those of the least value, of the weights of the branch that is judged, and of the recovery sequence."""
    exact = limit.at(np.arange(problem.depth) / problem.depth)
    value_error = limit.value_error + here.gained + RELATIVE_ROUNDING_OF_VALUES * limit.value
    values = {
        "least_gap": (abs(here.value - limit.value), limit.value, value_error),
        "weights_sup": (
            largest_layer(problem.weights(judged.point).path - exact.path),
            largest_layer(exact.path),
            limit.path_error,
        ),
        "recovery_gap": (abs(problem.value(exact) - limit.value), limit.value, limit.value_error),
    }
    return [
        Record(name, value, reference=reference, reference_error=error, coordinates=where)
        for name, (value, reference, error) in values.items()
    ]


# -- networks -------------------------------------------------------------------------------------


def _judged_first(job: Job) -> list[SolutionBranch]:
    """The branches up to the depth of the job, that which is least beyond all depths first."""

    def climbed(start: int, depth: int) -> list[Rung]:
        return [Rung(rung, _minimum(_followed(job, rung)[start])) for rung in ladder(depth)]

    count = len(_followed(job, DEPTH_OF_STARTS))
    return branches(climbed, job.settings.depth, range(count), beyond=True)


def _minimum(reached: ReluMinimum) -> Minimum:
    """A minimum as other branches have it: reached as far as kinks let it."""
    slope = reached.gradient * abs(reached.value) / (float(np.linalg.norm(reached.point)) or 1.0)
    return Minimum(reached.point, reached.value, slope, reached.gradient, reached.eigenvalue, 0, 0, 0, True, "")


def _least(job: Job, depth: int) -> ReluMinimum:
    """The least at a depth, of all branches and, below `DEPTH_OF_STARTS`, of starts at that depth."""
    reached = _followed(job, depth)
    if depth < DEPTH_OF_STARTS:
        reached = [*reached, *_of_own_starts(job, depth)]
    return min(reached, key=lambda minimum: minimum.value)


def _followed(job: Job, depth: int) -> list[ReluMinimum]:
    """The minima of all branches at a depth, each from that of the rung nearer to where the branches begin."""
    problem = small(job.settings, KIND_OF_PROBLEM).at_depth(depth)
    if depth == DEPTH_OF_STARTS:
        return _of_own_starts(job, depth)

    def compute() -> list[ReluMinimum]:
        coarser = max(rung for rung in ladder(depth) if rung < depth) if depth > DEPTH_OF_STARTS else DEPTH_OF_STARTS
        known = [problem.at_depth(coarser).weights(minimum.point) for minimum in _followed(job, coarser)]
        begun = [problem.scaled(replace(w, K=at_depth(w.K, depth), b=at_depth(w.b, depth))) for w in known]
        return [_certified(problem, _polished(problem, u)) for u in begun]

    return _kept(job, "relu", depth, compute)


def _of_own_starts(job: Job, depth: int) -> list[ReluMinimum]:
    """The lowest minima that starts at this depth lead to."""
    problem = small(job.settings, KIND_OF_PROBLEM).at_depth(depth)

    def compute() -> list[ReluMinimum]:
        seed, count = job.settings.seed, job.settings.gamma.starts
        begun = [starts.of_the_network(problem, seed, number) for number in range(count)]
        return [_certified(problem, minimum) for minimum in _lowest(problem, begun)]

    return _kept(job, "relu.starts", depth, compute)


def _kept(job: Job, purpose: str, depth: int, compute: Callable[[], list[ReluMinimum]]) -> list[ReluMinimum]:
    """What `compute` gives, kept, since jobs of several depths ask for it."""

    def arrays() -> dict[str, np.ndarray]:
        minima = compute()
        numbers = [[m.value, m.gained, m.gradient, m.eigenvalue] for m in minima]
        return {"points": np.stack([m.point for m in minima]), "numbers": np.array(numbers)}

    kept = job.shared.solve(purpose, {**solution_key(job.settings, KIND_OF_PROBLEM), "depth": depth}, arrays)
    return [ReluMinimum(u, *row.tolist()) for u, row in zip(kept["points"], kept["numbers"], strict=True)]


def _certified(problem: DepthRegularised, minimum: ReluMinimum) -> ReluMinimum:
    """The minimum with the smallest eigenvalue of its Hessian where it lies off kinks."""
    if minimum.gradient > RELATIVE_GRADIENT_OF_DESCENT:
        return minimum
    u = minimum.point
    return replace(minimum, eigenvalue=smallest_eigenvalue(problem.hessian(u), len(u)))


def _lowest(objective: Descended, begun: Sequence[np.ndarray]) -> list[ReluMinimum]:
    """Where descents lead from the lowest of the ends of these starts that differ, the lowest first."""
    ends = [descend(objective, u, ITERATIONS_A_DESCENT)[0] for u in begun]
    values = np.array([objective.value_and_gradient(u)[0] for u in ends])
    order = np.argsort(values)
    gaps = np.diff(values[order], prepend=-np.inf) > RELATIVE_GAP_OF_BRANCHES * np.abs(values[order])
    chosen = [int(i) for i in order[gaps][:BRANCHES_FOLLOWED]]
    return sorted((_polished(objective, ends[i]) for i in chosen), key=lambda minimum: minimum.value)


def _polished(objective: Descended, u: np.ndarray) -> ReluMinimum:
    """Where several descents lead, each afresh."""
    value, gained = objective.value_and_gradient(u)[0], 0.0
    for _ in range(DESCENTS):
        u, _ = descend(objective, u, ITERATIONS_A_DESCENT, until=RELATIVE_GRADIENT_OF_DESCENT)
        before, value = value, objective.value_and_gradient(u)[0]
        gained = before - value
    return ReluMinimum(u, value, abs(gained), relative_gradient(*objective.value_and_gradient(u), u))


# -- the limit ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ReluLimit:
    """The variables of its least point over polynomials, the value, and the errors of value and paths."""

    ritz: Ritz
    point: np.ndarray
    value: float
    value_error: float
    path_error: float

    def at(self, times: np.ndarray) -> DepthWeights:
        """The paths at these times."""
        return self.ritz.at(self.point, times)


def _limit(job: Job, problem: DepthRegularised) -> ReluLimit:
    """The least point over polynomials; kept, since all depths share it."""
    coarse, fine = (
        Ritz(problem, DEGREE_OF_RITZ_PATHS // 2, STEPS_OF_RITZ_FLOW // 2),
        Ritz(problem, DEGREE_OF_RITZ_PATHS, STEPS_OF_RITZ_FLOW),
    )

    def compute() -> dict[str, np.ndarray]:
        seed, count, one = job.settings.seed, job.settings.gamma.starts, problem.at_depth(1)
        drawn = [starts.drawn(one, seed, number, "gamma.limit.start") for number in range(count)]
        ends = _lowest(coarse, [coarse.constant(w) for w in drawn])
        raised = [_polished(fine, coarse.raised(end.point, DEGREE_OF_RITZ_PATHS)) for end in ends]
        rough, best = min(zip(ends, raised, strict=True), key=lambda pair: pair[1].value)
        off = coarse.at(rough.point, TIMES_OF_LIMIT).path - fine.at(best.point, TIMES_OF_LIMIT).path
        errors = [abs(rough.value - best.value) + best.gained, largest_layer(off)]
        return {"point": best.point, "found": np.array([best.value, *errors])}

    kept = job.shared.solve("relu.limit", solution_key(job.settings, KIND_OF_PROBLEM), compute)
    return ReluLimit(fine, kept["point"], *kept["found"].tolist())
