"""`gamma.value`, `.weights`, `.tl2`, `.h1`, `.recovery`, `.boundary`: minimisers against the limit's own equations.

A few points in small dimension, regression and classification, and regression with another size of each penalty: the
minimiser at depth n, continued from 4, 8, ..., and
the limit by its Euler-Lagrange equations (`limits/euler_lagrange.py`), which know nothing of networks. The guess of
that solver is the minimiser at depth 64, its error the distance to a solution at a hundred times the tolerance. That
this is the limit of least value is tried without networks (`lowest.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from ....errors import MeasurementError
from ....limits.euler_lagrange import Extremal, extremal
from ....measurement.job import Job
from ....measurement.record import Measurement, Record, unknown
from ....training.branches import SolutionBranch
from ....training.depth_regularised import DepthRegularised, DepthWeights
from ....training.minimiser import Minimum
from ...pinned import pinned
from ..norms import MAX_NORM_OF_ZERO_PATH, MINIMISER_IS_ZERO, h1, largest_layer, largest_second_difference, tl2
from ..problem import Kind, boundary, certificate, minima, small, solution_key
from ..settings import Gamma
from .claims import PINS_OF_UNEQUAL_PENALTIES, PROBLEM_PREFIXES
from .lowest import RESIDUALS, STARTS_OF_COLLOCATION, LowestExtremal, lowest_extremal

DEPTH_OF_GUESS = 64
"""Depth of the minimiser near which the limit is looked for."""
RELATIVE_ROUNDING_OF_VALUES = 16 * np.finfo(np.float64).eps
"""Of values, relative."""
TIMES_OF_LIMIT = np.linspace(0, 1, 257)
KIND_BY_PROBLEM: dict[str, Kind] = {
    "regression": "regression",
    "classification": "classification",
    "unequal": "regression",
}
"""The kind of each of `PROBLEM_PREFIXES`."""


@dataclass(frozen=True)
class VariationalLimit:
    """The limit, and the errors of its value, paths and slopes."""

    solution: Extremal
    value_error: float
    path_error: float
    slope_error: float


def measure(job: Job) -> Measurement:
    """The distances of the minimiser to the limit, by problem, with what certifies the minimiser."""
    measurement = Measurement()
    for i, name in enumerate(PROBLEM_PREFIXES):
        job.progress(i / len(PROBLEM_PREFIXES), name)
        measurement.extend(_of_problem(of_problem(job, name), name))
    return measurement


def of_problem(job: Job, name: str) -> Job:
    """The job with the penalties of the problem of this name."""
    if name != "unequal":
        return job
    return replace(job, settings=pinned(job.settings, PINS_OF_UNEQUAL_PENALTIES))


def _of_problem(job: Job, name: str) -> Measurement:
    """The records and paths of one problem."""
    settings: Gamma = job.settings
    kind, measurement = KIND_BY_PROBLEM[name], Measurement()
    problem = small(settings, kind)
    branches = minima(job, problem, kind, settings.depth)
    where: dict[str, Any] = {"problem": name, **(PINS_OF_UNEQUAL_PENALTIES if name == "unequal" else {})}
    measurement.records += certificate(settings, problem, branches, where)
    minimum = branches[0].minimum
    network = problem.weights(minimum.point)
    measurement.arrays[f"{name}.path"] = network.path
    if not minimum.converged:
        return measurement
    lowest = lowest_extremal(job, problem, solution_key(settings, kind))
    if lowest is not None:
        measurement.records += least_values(branches, lowest, where)
    limit = limit_of_branch(job, problem, kind)
    measurement.records.append(Record("limit_found", float(limit is not None), coordinates=where, replicas=1))
    if limit is not None:
        measurement.arrays[f"{name}.limit"] = limit.solution.at(np.arange(settings.depth) / settings.depth).path
        measurement.records += distances_to_limit(problem, minimum, network, limit, where)
        if lowest is not None:
            missed = abs(limit.solution.value - lowest.value) / abs(lowest.value)
            error = (limit.value_error + lowest.error) / abs(lowest.value) + RELATIVE_ROUNDING_OF_VALUES
            measurement.records.append(Record("least_missed", missed, reference_error=error, **_one(where)))
    return measurement


def least_values(branches: Sequence[SolutionBranch], lowest: LowestExtremal, where: dict[str, Any]) -> list[Record]:
    """The least value at this depth over all branches against the lowest extremal."""
    least = min(branch.minimum.value for branch in branches if branch.minimum.converged)
    error = lowest.error + RELATIVE_ROUNDING_OF_VALUES * abs(lowest.value)
    return [
        Record("least_gap", abs(least - lowest.value), reference=lowest.value, reference_error=error, **_one(where)),
        Record("lowest_extremal", lowest.value, reference_error=lowest.error, **_one(where)),
        Record("lowest_ends", float(lowest.ends), **_one(where)),
        Record("collocated", float(lowest.collocated), reference=float(STARTS_OF_COLLOCATION), **_one(where)),
        Record("collocated_lowest", float(lowest.collocated_lowest), **_one(where)),
    ]


def _one(where: dict[str, Any]) -> dict[str, Any]:
    return {"coordinates": where, "replicas": 1}


def distances_to_limit(
    problem: DepthRegularised, minimum: Minimum, w: DepthWeights, limit: VariationalLimit, where: dict[str, Any]
) -> list[Record]:
    """All distances of a minimiser to the limit."""
    n, p = problem.depth, problem.penalties
    exact, there = limit.solution.at(np.arange(n) / n), lambda times: limit.solution.at(times).path
    # What the gradient that is left allows the minimiser to be off, in units of paths and of their H1 norm.
    off = minimum.distance
    path_off = off * max(((1 + 1 / tau) / a) ** 0.5 for a, tau in ((p.K, p.t1), (p.b, p.t2)))
    h1_off = off / min(p.K, p.b) ** 0.5
    difference = w.path - exact.path
    taus = np.concatenate([np.full(w.K[0].size, p.t1), np.full(w.b[0].size, p.t2)])
    recovered = problem.value(exact)
    start, end, missed = boundary(problem, w)
    value = limit.solution.value
    rounding = RELATIVE_ROUNDING_OF_VALUES * abs(value)
    value_error = limit.value_error + rounding
    path_error = limit.path_error + path_off
    values = {
        "value_gap": (abs(minimum.value - value), value, value_error),
        "weights_sup": (largest_layer(difference), largest_layer(exact.path), path_error),
        "tl2": (tl2(w.path, there), np.nan, path_error),
        "tl2_floor": (tl2(exact.path, there), np.nan, np.nan),
        "h1": (h1(difference, taus), np.nan, limit.slope_error + max(p.t1, p.t2) ** 0.5 * limit.path_error + h1_off),
        "recovery_gap": (abs(recovered - value), value, value_error),
        "second_difference": (largest_second_difference(w.path), np.nan, 2 * h1_off * n**1.5),
        "recovery_excess": (recovered - minimum.value, minimum.value, rounding),
        "readout_error": (
            float(np.hypot(np.linalg.norm(w.W - exact.W), np.linalg.norm(w.c - exact.c))),
            np.nan,
            path_error,
        ),
        "boundary_start": (start, np.nan, h1_off * n**0.5 + path_off),
        "boundary_end": (end, np.nan, h1_off * n**0.5),
        "boundary_missed": (missed, np.nan, 1e3 * np.finfo(np.float64).eps),
    }
    nothing = (
        ("weights_sup", "h1", "boundary_start", "boundary_end", "second_difference")
        if largest_layer(w.path) < MAX_NORM_OF_ZERO_PATH
        else ()
    )
    return [
        unknown(name, MINIMISER_IS_ZERO, where)
        if name in nothing
        else Record(name, value, reference=reference, reference_error=error, coordinates=where, replicas=1)
        for name, (value, reference, error) in values.items()
    ]


def limit_of_branch(job: Job, problem: DepthRegularised, kind: Kind) -> VariationalLimit | None:
    """The limit of the branch, None where collocation finds none; kept, since all depths share it."""

    def compute() -> dict[str, np.ndarray]:
        guess = problem.at_depth(DEPTH_OF_GUESS).weights(minima(job, problem, kind, DEPTH_OF_GUESS)[0].minimum.point)
        try:
            loose, best = (extremal(problem, guess, tolerance=tolerance) for tolerance in RESIDUALS)
        except MeasurementError:
            return {}
        slopes = [
            np.concatenate([s.reshape(len(TIMES_OF_LIMIT), -1) for s in solution.slopes(TIMES_OF_LIMIT)], axis=1)
            for solution in (loose, best)
        ]
        errors = [
            abs(loose.value - best.value),
            np.linalg.norm(loose.at(TIMES_OF_LIMIT).path - best.at(TIMES_OF_LIMIT).path, axis=1).max(),
            np.linalg.norm(slopes[0] - slopes[1], axis=1).max(),
        ]
        return {
            "nodes": best.nodes,
            "coefficients": best.coefficients,
            "W": best.W,
            "c": best.c,
            "value": np.array([best.value]),
            "errors": np.array(errors),
        }

    key = {**solution_key(job.settings, kind), "minimiser": asdict(job.settings.minimiser)}
    arrays = job.shared.solve("extremal", key, compute)
    if not arrays:
        return None
    solution = Extremal(
        problem, arrays["nodes"], arrays["coefficients"], arrays["W"], arrays["c"], float(arrays["value"][0])
    )
    return VariationalLimit(solution, *(float(error) for error in arrays["errors"]))
