"""The lowest extremal of the limit, sought from many starts that no network had a part in.

Each start descends on the limit's own energy over polynomials (`limits/ritz.py`), and the Euler-Lagrange equations are
solved near the ends of the lowest of them (`limits/euler_lagrange.py`): a value over polynomials lies above that of the
minimum near it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ....errors import MeasurementError
from ....limits.euler_lagrange import extremal
from ....limits.ritz import Ritz
from ....measurement.job import Job
from ....training.depth_regularised import DepthRegularised
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


@dataclass(frozen=True)
class LowestExtremal:
    """Its value, the error of that, and how many of the starts ended near it."""

    value: float
    error: float
    ends: int


def lowest_extremal(job: Job, problem: DepthRegularised, key: Mapping[str, Any]) -> LowestExtremal | None:
    """The lowest found from `gamma.starts` starts, None where collocation finds none; kept, since all depths share it.
    `key` is what a minimiser depends on besides its depth."""

    def compute() -> dict[str, np.ndarray]:
        ritz = Ritz(problem, DEGREE_OF_COARSE_PATHS, COARSE_STEPS_OF_RITZ)
        ends = sorted((_end(ritz, job, number) for number in range(job.settings.gamma.starts)), key=lambda end: end[0])
        values = np.array([value for value, _ in ends])
        solved = []
        for i, (value, point) in enumerate(ends):
            new = i == 0 or value > values[i - 1] * (1 + RELATIVE_DIFFERENCE_OF_VALUES)
            if not new or value > values[0] * (1 + RELATIVE_MARGIN):
                continue
            guess = ritz.at(point, np.arange(LAYERS_OF_GUESS) / LAYERS_OF_GUESS)
            try:
                loose, best = (extremal(problem, guess, tolerance=tolerance).value for tolerance in RESIDUALS)
            except MeasurementError:
                continue
            near = abs(values - value) <= RELATIVE_DIFFERENCE_OF_VALUES * value
            solved.append((best, abs(loose - best), float(near.sum())))
        return {"lowest": np.array(min(solved))} if solved else {}

    kept = job.shared.solve("lowest", {**key, "iterations": job.settings.minimiser.iterations}, compute)
    if not kept:
        return None
    value, error, ends = kept["lowest"].tolist()
    return LowestExtremal(value, error, int(ends))


def _end(ritz: Ritz, job: Job, number: int) -> tuple[float, np.ndarray]:
    """Value and point where the descent of a start ends."""
    start = starts.drawn(ritz.problem.at_depth(1), job.settings.seed, number, "gamma.limit.start")
    point, _ = descend(ritz, ritz.constant(start), job.settings.minimiser.iterations)
    return ritz.value_and_gradient(point)[0], point
