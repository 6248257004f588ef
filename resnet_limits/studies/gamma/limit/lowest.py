"""The lowest extremal of the limit, sought from many starts that no network had a part in.

Each start descends on the limit's own energy over polynomials (`limits/ritz.py`), and the Euler-Lagrange equations are
solved (`limits/euler_lagrange.py`) near the ends of the lowest of them: a value over polynomials lies above that of the
minimum near it. Apart from these the equations are solved from smooth random paths that went part of the way down only,
and end at extremals of any kind: one that lies lower would be the lowest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from ....errors import MeasurementError
from ....limits.euler_lagrange import Extremal, extremal
from ....limits.ritz import Ritz
from ....measurement.job import Job
from ....training.depth_regularised import DepthRegularised, DepthWeights
from ....training.minimiser import descend
from .. import starts

DEGREE_OF_COARSE_PATHS, COARSE_STEPS_OF_RITZ = 6, 8
"""Of the polynomials, and of the Runge-Kutta method: values are off by 1e-4 of themselves."""
LAYERS_OF_GUESS = 32
RELATIVE_MARGIN = 0.01
"""Ends whose value lies farther above the least are not those of the lowest extremal."""
RELATIVE_DIFFERENCE_OF_VALUES = 1e-4
"""Of two ends that are told apart by their values."""
RESIDUALS = (1e-5, 1e-7)
"""Relative residuals of the boundary value problem; the looser solution tells the error of the other."""


STARTS_OF_COLLOCATION, ITERATIONS_BEFORE_COLLOCATION = 12, 30
"""Random paths that the boundary value problem is solved from, and how far they went down. From paths that did not go
down at all 2 of 12 lead to an extremal at seed 0, from these 10 of 12."""
ROUGH_RESIDUAL, NODES_OF_ROUGH_EXTREMAL = 1e-2, 400
"""Of the extremals that these lead to, which have values to five digits."""


@dataclass(frozen=True)
class LowestExtremal:
    """Its value, the error of that, how many descents ended near it, and of the random paths that the equations were
    solved from how many led to an extremal, and how many to this one."""

    value: float
    error: float
    ends: int
    collocated: int
    collocated_lowest: int


def lowest_extremal(job: Job, problem: DepthRegularised, key: Mapping[str, Any]) -> LowestExtremal | None:
    """The lowest found from `gamma.starts` starts, None where collocation finds none; kept, since all depths share it.
    `key` is what a minimiser depends on besides its depth."""

    def compute() -> dict[str, np.ndarray]:
        ritz = Ritz(problem, DEGREE_OF_COARSE_PATHS, COARSE_STEPS_OF_RITZ)
        ends = sorted((_end(ritz, job, number) for number in range(job.settings.gamma.starts)), key=lambda end: end[0])
        rough = _rough_extremals(ritz, job)
        solved = [s for guess in _near_lowest(ritz, ends, rough) if (s := _solved(problem, guess)) is not None]
        if not solved:
            return {}
        lowest, error = min(solved)
        near = [
            float((abs(np.array(values) - lowest) <= RELATIVE_DIFFERENCE_OF_VALUES * lowest).sum())
            for values in ([value for value, _ in ends], [solution.value for solution in rough])
        ]
        return {"lowest": np.array([lowest, error, near[0], len(rough), near[1]])}

    kept = job.shared.solve("lowest", {**key, "iterations": job.settings.minimiser.iterations}, compute)
    if not kept:
        return None
    value, error, *counts = kept["lowest"].tolist()
    return LowestExtremal(value, error, *(int(count) for count in counts))


def _near_lowest(
    ritz: Ritz, ends: Sequence[tuple[float, np.ndarray]], rough: Sequence[Extremal]
) -> Iterator[DepthWeights]:
    """The paths near which the lowest extremal may lie: the ends of descents that differ and are nearly as low as the
    lowest, and extremals that are lower than that."""
    times, lowest = np.arange(LAYERS_OF_GUESS) / LAYERS_OF_GUESS, ends[0][0]
    for (before, _), (value, point) in pairwise([(-np.inf, ends[0][1]), *ends]):
        if before + RELATIVE_DIFFERENCE_OF_VALUES * value < value <= lowest * (1 + RELATIVE_MARGIN):
            yield ritz.at(point, times)
    yield from (solution.at(times) for solution in rough if solution.value < lowest)


def _solved(problem: DepthRegularised, guess: DepthWeights) -> tuple[float, float] | None:
    """The value of the extremal near a path, and its error; None where collocation finds none."""
    try:
        loose, best = (extremal(problem, guess, tolerance=tolerance).value for tolerance in RESIDUALS)
    except MeasurementError:
        return None
    return best, abs(loose - best)


def _rough_extremals(ritz: Ritz, job: Job) -> list[Extremal]:
    """Those near random paths part of the way down, where collocation finds any."""
    times, solutions = np.arange(LAYERS_OF_GUESS) / LAYERS_OF_GUESS, []
    for number in range(STARTS_OF_COLLOCATION):
        start = starts.drawn(ritz.problem.at_depth(1), job.settings.seed, number, "gamma.collocation.start")
        point, _ = descend(ritz, ritz.constant(start), ITERATIONS_BEFORE_COLLOCATION)
        with suppress(MeasurementError):
            guess = ritz.at(point, times)
            solutions.append(extremal(ritz.problem, guess, tolerance=ROUGH_RESIDUAL, nodes=NODES_OF_ROUGH_EXTREMAL))
    return solutions


def _end(ritz: Ritz, job: Job, number: int) -> tuple[float, np.ndarray]:
    """Value and point where the descent of a start ends."""
    start = starts.drawn(ritz.problem.at_depth(1), job.settings.seed, number, "gamma.limit.start")
    point, _ = descend(ritz, ritz.constant(start), job.settings.minimiser.iterations)
    return ritz.value_and_gradient(point)[0], point
