"""`gamma.liminf`, `gamma.oscillation`, `gamma.real.recovery`: `E_n` of weights that no minimisation saw at depth n.

The small regression problem at weights of the limit problem read at k/n, those of its minimiser and of paths that are
none, with perturbations `D_n` of size `A n^-p` that vanish: oscillations, random ones, smooth ones. And the data's
problem at the weights of its own limit, which is extrapolated from networks of fixed depths, whatever those of the run,
with a spline between their times.

The paths that are no minimisers are polynomials, whose energy is known without networks (`limits/ritz.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ....claims.distance import at_common_times
from ....claims.richardson import richardson_limit
from ....limits.ritz import Ritz
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
LAYERS_OF_RANDOM_PERTURBATION = 4
"""After which a random perturbation repeats."""
RANDOM_PATHS = 3
"""How many paths that are no minimisers are met."""
PENALTY_OF_RANDOM_PATHS = 0.2
"""What the penalty makes of them, of the size of that of a minimiser."""
DEGREE_OF_RANDOM_PATHS, STEPS_OF_RANDOM_FLOW = 3, 64
"""Of these polynomials, and of the Runge-Kutta method that their energy is computed by."""
UNPERTURBED = "none", 0.0
"""Shape and power where nothing is added."""


def measure(job: Job) -> Measurement:
    """Costs of perturbations of the small problem's limit, and `recovery_gap` on the data."""
    problem = small(job.settings, "regression")
    limit = limit_of_branch(job, problem, "regression")
    records = [] if limit is None else _perturbed(problem, limit, job.settings.seed)
    return Measurement([replace(record, replicas=1) for record in [*records, *_recovered(job)]])


# -- the small problem ----------------------------------------------------------------------------


@dataclass(frozen=True)
class ReadPath:
    """Weights of the limit problem read at k/n, their energy in the limit, relative error of that included."""

    name: str
    weights: DepthWeights
    energy: float
    relative_error: float


def _perturbed(problem: DepthRegularised, limit: VariationalLimit, seed: int) -> list[Record]:
    """What perturbations of the limit's weights cost, and how far those of several paths lie above the path's energy
    in the limit."""
    minimiser = _minimiser(problem, limit)
    records = _costs(problem, _energies(problem, minimiser.weights, seed))
    for path in (minimiser, *_random_paths(problem, seed)):
        for (shape, power), energy in _energies(problem, path.weights, seed).items():
            where = {"problem": "regression", "path": path.name, "shape": shape, "power": power}
            excess = (energy - path.energy) / abs(path.energy)
            records.append(Record("perturbed_excess", excess, reference_error=path.relative_error, coordinates=where))
    return records


def _costs(problem: DepthRegularised, energies: Mapping[tuple[str, float], float]) -> list[Record]:
    """`oscillation_cost` by power, and that which is farthest from 1."""
    n, a, where = problem.depth, problem.penalties.K, {"problem": "regression"}
    costs = {}
    for power in POWERS_OF_OSCILLATIONS:
        predicted = 4 * a * AMPLITUDE**2 * n ** (2 - 2 * power)
        energy = energies["oscillating", power]
        error = 2 * RELATIVE_ROUNDING_OF_VALUES * abs(energy) / predicted
        costs[power] = (energy - energies[UNPERTURBED]) / predicted, error
    worst, error = max(costs.values(), key=lambda cost: abs(cost[0] - 1))
    return [
        *(
            Record("oscillation_cost", cost, reference_error=off, coordinates={**where, "power": power})
            for power, (cost, off) in costs.items()
        ),
        Record("oscillation_worst", worst, reference_error=error, coordinates=where),
    ]


def _minimiser(problem: DepthRegularised, limit: VariationalLimit) -> ReadPath:
    value = limit.solution.value
    error = limit.value_error / abs(value) + RELATIVE_ROUNDING_OF_VALUES
    return ReadPath("minimiser", limit.solution.at(_times(problem)), value, error)


def _random_paths(problem: DepthRegularised, seed: int) -> list[ReadPath]:
    """Random polynomials of the size of a minimiser, with the difference of their energies by half as many steps."""
    fine, coarse = (
        Ritz(problem, DEGREE_OF_RANDOM_PATHS, steps) for steps in (STEPS_OF_RANDOM_FLOW, STEPS_OF_RANDOM_FLOW // 2)
    )
    paths = []
    for number in range(RANDOM_PATHS):
        u = generator(seed, "gamma.path", number).standard_normal(fine.size)
        u *= (PENALTY_OF_RANDOM_PATHS / (u @ u)) ** 0.5
        energy, rough = (ritz.value_and_gradient(u)[0] for ritz in (fine, coarse))
        error = abs(energy - rough) / energy + RELATIVE_ROUNDING_OF_VALUES
        paths.append(ReadPath(f"random {number + 1}", fine.at(u, _times(problem)), energy, error))
    return paths


def _times(problem: DepthRegularised) -> np.ndarray:
    return np.arange(problem.depth) / problem.depth


def _energies(problem: DepthRegularised, w: DepthWeights, seed: int) -> dict[tuple[str, float], float]:
    """`E_n[K + D_n]` by the shape of `D_n` and the power p of its size `A n^-p`; without one, `E_n[K]`."""
    sizes = {power: AMPLITUDE / problem.depth**power for power in POWERS_OF_OSCILLATIONS}
    added = {
        (name, power): size * shape for name, shape in _shapes(problem, seed).items() for power, size in sizes.items()
    }
    return {of: problem.value(replace(w, K=w.K + D)) for of, D in {UNPERTURBED: 0.0, **added}.items()}


def _shapes(problem: DepthRegularised, seed: int) -> Mapping[str, np.ndarray]:
    """Perturbations of K (n, d, d) of size 1: of one entry, but for the random ones, which repeat a few draws so that
    their roughness is the same at every depth."""
    n, d = problem.depth, problem.width
    oscillating, smooth = np.zeros((n, d, d)), np.zeros((n, d, d))
    oscillating[:, 0, 0] = (-1.0) ** np.arange(n)
    smooth[:, 0, 0] = np.cos(np.pi * np.arange(n) / n)
    repeated = generator(seed, "gamma.perturbation").standard_normal((LAYERS_OF_RANDOM_PERTURBATION, d, d))
    random = np.resize(repeated, (n, d, d))
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
