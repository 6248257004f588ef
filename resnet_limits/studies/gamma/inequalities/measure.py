"""`gamma.liminf`, `gamma.oscillation`, `gamma.real.recovery`: `E_n` of weights that no minimisation saw at depth n.

The small regression problem at its limit's weights read at k/n, with perturbations `D_n` of size `A n^-p` that vanish:
oscillations, random ones, smooth ones. And the data's problem at the weights of its own limit, which is extrapolated
from networks of fixed depths, whatever those of the run, with a spline between their times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ....claims.distance import at_common_times
from ....claims.richardson import richardson_limit
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....random import generator
from ....training.continuation import Rung
from ....training.depth_regularised import DepthRegularised, DepthWeights
from ..branch import at_depth
from ..limit.measure import RELATIVE_ROUNDING_OF_VALUES, VariationalLimit, limit_of_branch
from ..problem import certificate, minima, of_the_data, small
from ..settings import PROBLEM_OF_DATA
from .claims import POWERS_OF_OSCILLATIONS, RECOVERED

AMPLITUDE = 0.5
"""A of all perturbations."""
DEPTH_OF_LIMIT = 128
"""Of the deepest of the networks that the limit on the data is extrapolated from."""
RUNGS_OF_LIMIT = 3


def measure(job: Job) -> Measurement:
    """Costs of perturbations of the small problem's limit, and `recovery_gap` on the data."""
    problem = small(job.settings, "regression")
    limit = limit_of_branch(job, problem, "regression")
    records = [] if limit is None else _perturbed(problem, limit, job.settings.seed)
    return Measurement([replace(record, replicas=1) for record in [*records, *_recovered(job)]])


# -- the small problem ----------------------------------------------------------------------------


def _perturbed(problem: DepthRegularised, limit: VariationalLimit, seed: int) -> list[Record]:
    """What perturbations of the limit's weights cost."""
    n, a, where = problem.depth, problem.penalties.K, {"problem": "regression"}
    exact, value = limit.solution.at(np.arange(n) / n), limit.solution.value
    recovered = problem.value(exact)
    records, costs, above = [], [], []
    for power in POWERS_OF_OSCILLATIONS:
        energies = {
            name: problem.value(replace(exact, K=exact.K + AMPLITUDE / n**power * shape))
            for name, shape in _shapes(problem, seed).items()
        }
        predicted = 4 * a * AMPLITUDE**2 * n ** (2 - 2 * power)
        error = 2 * RELATIVE_ROUNDING_OF_VALUES * abs(energies["oscillating"]) / predicted
        costs.append(((energies["oscillating"] - recovered) / predicted, error))
        above += [(energy - value) / abs(value) for energy in energies.values()]
        records.append(
            Record("oscillation_cost", costs[-1][0], reference_error=error, coordinates={**where, "power": power})
        )
    worst, error = max(costs, key=lambda cost: abs(cost[0] - 1))
    below = limit.value_error / abs(value) + RELATIVE_ROUNDING_OF_VALUES
    return [
        *records,
        Record("oscillation_worst", worst, reference_error=error, coordinates=where),
        Record("perturbed_least", min(above), reference_error=below, coordinates=where),
    ]


def _shapes(problem: DepthRegularised, seed: int) -> Mapping[str, np.ndarray]:
    """Perturbations of K (n, d, d) of size 1: of one entry, but for the random ones."""
    n, d = problem.depth, problem.width
    oscillating, smooth = np.zeros((n, d, d)), np.zeros((n, d, d))
    oscillating[:, 0, 0] = (-1.0) ** np.arange(n)
    smooth[:, 0, 0] = np.cos(np.pi * np.arange(n) / n)
    random = generator(seed, "gamma.perturbation").standard_normal((n, d, d))
    return {"oscillating": oscillating, "smooth": smooth, "opposite": -smooth, "random": random}


# -- the data -------------------------------------------------------------------------------------


def _recovered(job: Job) -> list[Record]:
    """`E_n` of the limit's weights on the data, read at k/n, less the limit's least value; and what certifies the
    networks that the limit was extrapolated from."""
    problem, _ = of_the_data(job.settings)
    branches = minima(job, problem, PROBLEM_OF_DATA, DEPTH_OF_LIMIT)
    where: dict[str, Any] = {"problem": RECOVERED}
    rungs = branches[0].rungs[-RUNGS_OF_LIMIT:]
    limit, coarse = _extrapolated(problem, rungs)
    (value,), (left,) = richardson_limit([np.array([rung.minimum.value]) for rung in rungs])
    energy, coarser = (problem.value(_read(w, problem.depth)) for w in (limit, coarse))
    error = abs(left) + abs(energy - coarser) + RELATIVE_ROUNDING_OF_VALUES * abs(value)
    gap = Record("recovery_gap", abs(energy - value), reference=value, reference_error=error, coordinates=where)
    return [*certificate(job.settings, problem, branches, where), gap]


def _extrapolated(problem: DepthRegularised, rungs: Sequence[Rung]) -> tuple[DepthWeights, DepthWeights]:
    """The weights of the limit at the times of the shallowest of these networks, and the next best entry of the
    table: the distance of their energies is what the extrapolation may be off."""
    networks = [problem.at_depth(rung.depth).weights(rung.minimum.point) for rung in rungs]
    parts = []
    for name in ("K", "b", "W", "c"):
        entries = [getattr(w, name) for w in networks]
        if name in ("K", "b"):
            entries = [at_common_times(path[None], rungs[0].depth)[0] for path in entries]
        parts.append(richardson_limit(entries))
    return DepthWeights(*(best for best, _ in parts)), DepthWeights(*(best - off for best, off in parts))


def _read(w: DepthWeights, depth: int) -> DepthWeights:
    return replace(w, K=at_depth(w.K, depth), b=at_depth(w.b, depth))
