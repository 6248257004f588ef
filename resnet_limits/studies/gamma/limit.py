"""`gamma.value`, `.weights`, `.tl2`, `.h1`, `.recovery`, `.boundary`: minimisers against the limit's own equations.

A few points in small dimension, regression and classification: the minimiser at depth n, continued from 4, 8, ..., and
the limit by its Euler-Lagrange equations (`limits/euler_lagrange.py`), which know nothing of networks. The guess of
that solver is the minimiser at depth 64, its error the distance to a solution at a hundred times the tolerance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...limits.euler_lagrange import Extremal, extremal
from ...settings import Gamma
from ...training.continuation import Rung
from ...training.depth_regularised import DepthRegularised, Weights
from ...training.minimiser import Minimum
from ..study import Job, Measurement, Record
from .problem import Kind, boundary, certificate, minima, small, solution_key

GUESS = 64
"""Depth of the minimiser near which the limit is looked for."""
TOLERANCE, LOOSE = 1e-7, 1e-5
"""Relative residuals of the boundary value problem; the looser solution tells the error of the other."""
GRID = np.linspace(0, 1, 257)
KINDS: tuple[Kind, ...] = ("regression", "classification")


@dataclass(frozen=True)
class Limit:
    """The limit, and the errors of its value, paths and slopes."""

    solution: Extremal
    value_error: float
    path_error: float
    slope_error: float


def measure(job: Job) -> Measurement:
    """The distances of the minimiser to the limit, by problem, with what certifies the minimiser."""
    settings: Gamma = job.settings
    measurement = Measurement()
    for i, kind in enumerate(KINDS):
        job.progress(i / len(KINDS), kind)
        problem = small(settings, kind)
        branches = minima(job, problem, kind, settings.depth)
        where = {"problem": kind}
        measurement.records += certificate(settings, problem, branches, where)
        minimum = branches[0][-1].minimum
        network = problem.weights(minimum.point)
        measurement.arrays[f"{kind}.path"] = network.path
        if minimum.converged:
            limit = _limit(job, problem, kind)
            measurement.arrays[f"{kind}.limit"] = limit.solution.at(np.arange(settings.depth) / settings.depth).path
            measurement.records += distances(problem, minimum, network, limit, where)
    return measurement


def distances(
    problem: DepthRegularised, minimum: Minimum, w: Weights, limit: Limit, where: dict[str, str]
) -> list[Record]:
    """All distances of a minimiser to the limit."""
    n, p = problem.depth, problem.penalties
    exact = limit.solution.at(np.arange(n) / n)
    # What the gradient that is left allows the minimiser to be off, in units of paths and of their H1 norm.
    off = minimum.distance
    path_off = off * max(((1 + 1 / tau) / a) ** 0.5 for a, tau in ((p.K, p.t1), (p.b, p.t2)))
    h1_off = off / min(p.K, p.b) ** 0.5
    difference = w.path - exact.path
    ends = np.concatenate([np.full(w.K[0].size, p.t1), np.full(w.b[0].size, p.t2)])
    h1 = (n * (np.diff(difference, axis=0) ** 2).sum() + (ends * difference[0] ** 2).sum()) ** 0.5
    recovered = problem.value(exact)
    start, end, missed = boundary(problem, w)
    value = limit.solution.value
    rounding = 16 * np.finfo(np.float64).eps * abs(value)
    value_error = limit.value_error + rounding
    path_error = limit.path_error + path_off
    found = {
        "value_gap": (abs(minimum.value - value), value, value_error),
        "weights_sup": (float(np.linalg.norm(difference, axis=1).max()), _size(exact), path_error),
        "tl2": (tl2(w, limit.solution), np.nan, path_error),
        "tl2_floor": (tl2(exact, limit.solution), np.nan, np.nan),
        "h1": (float(h1), np.nan, limit.slope_error + max(p.t1, p.t2) ** 0.5 * limit.path_error + h1_off),
        "recovery_gap": (abs(recovered - value), value, value_error),
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
    return [
        Record(name, its, reference=reference, reference_error=error, coordinates=where, replicas=1)
        for name, (its, reference, error) in found.items()
    ]


def tl2(w: Weights, exact: Extremal) -> float:
    """The monotone coupling's bound of the TL2 distance of a network's path, constant in each block, to the limit's.

    d^2 = sum_k int_{t_k}^{t_{k+1}} |t_k - t|^2 + |K_k - K(t)|^2 + |b_k - b(t)|^2 dt        (four Gauss points a block)
    """
    n = len(w.K)
    nodes, weights = np.polynomial.legendre.leggauss(4)
    times = (np.arange(n)[:, None] + (nodes + 1) / 2) / n
    there = exact.at(times.ravel()).path.reshape(n, len(nodes), -1)
    squares = ((w.path[:, None] - there) ** 2).sum(axis=2) @ weights / (2 * n)
    return float((squares.sum() + 1 / (3 * n * n)) ** 0.5)


def _size(w: Weights) -> float:
    return float(np.linalg.norm(w.path, axis=1).max())


def _limit(job: Job, problem: DepthRegularised, kind: Kind) -> Limit:
    """The limit of the branch; kept, since all depths share it."""

    def compute() -> dict[str, np.ndarray]:
        rungs: list[Rung] = minima(job, problem, kind, GUESS)[0]
        guess = problem.at_depth(GUESS).weights(rungs[-1].minimum.point)
        loose, best = (extremal(problem, guess, tolerance=tolerance) for tolerance in (LOOSE, TOLERANCE))
        slopes = [np.concatenate([s.reshape(len(GRID), -1) for s in its.slopes(GRID)], axis=1) for its in (loose, best)]
        errors = [
            abs(loose.value - best.value),
            np.linalg.norm(loose.at(GRID).path - best.at(GRID).path, axis=1).max(),
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

    key = {**solution_key(job.settings, kind), "starts": job.settings.minimiser.starts}
    its = job.shared.solve("extremal", key, compute)
    solution = Extremal(problem, its["nodes"], its["coefficients"], its["W"], its["c"], float(its["value"][0]))
    return Limit(solution, *(float(error) for error in its["errors"]))
