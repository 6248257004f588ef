"""`gamma.relu`: the small regression problem in dimension 1 with relu, whose minima may lie on kinks.

There the gradient jumps, and no minimiser that goes by gradients brings it to zero: a minimum counts as far as descents
reached it. How far that is from one is judged by what a last descent still gains; the gradient norm stands beside it.

The limit has no equations to solve: its least value is sought over polynomials (`limits/ritz.py`), from starts of its
own, and its error is the distance to the least value over polynomials of half the degree at half the steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ....limits.ritz import Ritz
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....training.continuation import ladder
from ....training.depth_regularised import DepthRegularised, DepthWeights
from ....training.minimiser import descend
from ....training.newton import relative_gradient
from ....training.objective import Descended
from ...pinned import pinned
from .. import starts
from ..branch import at_depth
from ..norms import largest_layer
from ..problem import small, solution_key
from .claims import PINS_OF_RELU

KIND_OF_PROBLEM = "regression"
DEPTH_OF_STARTS = 16
"""Deeper networks start from the coarser minimum."""
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
    """Where the last of several descents ended: its value, what it gained, and the relative gradient norm there."""

    point: np.ndarray
    value: float
    gained: float
    gradient: float


def measure(job: Job) -> Measurement:
    """`value_difference` between depths n and 2n, the relative gradient norm at n, and the distances to the limit."""
    job = replace(job, settings=pinned(job.settings, PINS_OF_RELU))
    depth = job.settings.depth
    problem, here, deeper = small(job.settings, KIND_OF_PROBLEM), _least(job, depth), _least(job, 2 * depth)
    where = {"problem": "relu", **PINS_OF_RELU}
    value = Record(
        "value_difference",
        abs(here.value - deeper.value),
        reference_error=here.gained + deeper.gained,
        coordinates=where,
    )
    records = [value, Record("relu_gradient_norm", here.gradient, coordinates=where)]
    records += _distances(problem, here, _limit(job, problem), where)
    return Measurement([replace(record, replicas=1) for record in records])


def _distances(problem: DepthRegularised, here: ReluMinimum, limit: ReluLimit, where: dict[str, Any]) -> list[Record]:
    """Those of the least value, of the weights and of the recovery sequence."""
    exact = limit.at(np.arange(problem.depth) / problem.depth)
    value_error = limit.value_error + here.gained + RELATIVE_ROUNDING_OF_VALUES * limit.value
    values = {
        "least_gap": (abs(here.value - limit.value), limit.value, value_error),
        "weights_sup": (
            largest_layer(problem.weights(here.point).path - exact.path),
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


def _least(job: Job, depth: int) -> ReluMinimum:
    """The least value found at a depth; kept, since the job of half the depth asks for it too."""
    problem = small(job.settings, KIND_OF_PROBLEM).at_depth(depth)

    def compute() -> dict[str, np.ndarray]:
        if depth <= DEPTH_OF_STARTS:
            seed, count = job.settings.seed, job.settings.gamma.starts
            begun = [starts.of_the_network(problem, seed, number) for number in range(count)]
        else:
            coarser = next(rung for rung in reversed(ladder(depth)) if rung < depth)
            w = problem.at_depth(coarser).weights(_least(job, coarser).point)
            begun = [problem.scaled(replace(w, K=at_depth(w.K, depth), b=at_depth(w.b, depth)))]
        reached = _lowest(problem, begun)
        return {"point": reached.point, "found": np.array([reached.value, reached.gained, reached.gradient])}

    key = {**solution_key(job.settings, KIND_OF_PROBLEM), "depth": depth}
    kept = job.shared.solve("relu", key, compute)
    return ReluMinimum(kept["point"], *kept["found"].tolist())


def _lowest(objective: Descended, begun: Sequence[np.ndarray]) -> ReluMinimum:
    """Where descents lead from the lowest of the ends of these starts."""
    ends = [descend(objective, u, ITERATIONS_A_DESCENT)[0] for u in begun]
    values = [objective.value_and_gradient(u)[0] for u in ends]
    u, value = min(zip(ends, values, strict=True), key=lambda end: end[1])
    gained = 0.0
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
        rough = _lowest(coarse, [coarse.constant(w) for w in drawn])
        best = _lowest(fine, [coarse.raised(rough.point, DEGREE_OF_RITZ_PATHS)])
        off = coarse.at(rough.point, TIMES_OF_LIMIT).path - fine.at(best.point, TIMES_OF_LIMIT).path
        errors = [abs(rough.value - best.value) + best.gained, largest_layer(off)]
        return {"point": best.point, "found": np.array([best.value, *errors])}

    kept = job.shared.solve("relu.limit", solution_key(job.settings, KIND_OF_PROBLEM), compute)
    return ReluLimit(fine, kept["point"], *kept["found"].tolist())
