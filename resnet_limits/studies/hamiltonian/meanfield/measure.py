"""`hamiltonian.meanfield`: the loss a mean over points, minimisers on N points approach those of all the data.

    meanfield_distance(N) = root mean square over draws of |omega_N - omega| / |omega|  ~  N^{-1/2}
    meanfield_constant    = the same times sqrt(N), of all N together, over its limit sqrt(tr H^-1 S H^-1) / |z|

The population are the training points; a draw takes N of them, with replacement, so that `omega`, that of the whole
population, is known. N grows at a depth of `DEPTH_OF_MEANFIELD`, whatever that of the job. Each minimisation starts
from `omega`.
"""

from __future__ import annotations

import math
from dataclasses import asdict, replace

import numpy as np
import torch

from ....limits.hamiltonian.end_loss import Fixed
from ....measurement.job import Job
from ....measurement.record import Measurement, Record, unknown
from ....random import generator
from ....training.minimiser import minimise
from ...pinned import pinned
from ..problem import (
    CertifiedNetwork,
    Setup,
    certificate_of_minimum,
    dataset_of,
    key_of_solution,
    minima_of_setup,
    setup,
    trained,
)
from ..settings import Hamiltonian
from .claims import DEPTH_OF_MEANFIELD, PINS_OF_MEANFIELD, POINT_COUNTS

MAX_POPULATION = 1000
"""Training points at most."""
DRAWS_OF_POINTS_A_REPLICA = 2
"""Draws of each number of points, for each of the key `replicas`."""
GRADIENT_NORM_OF_DRAWS = 1e-8
"""Relative gradient norm to which each draw is minimised."""
LEAST_DISTANCE_OF_DRAWS = 1e-9
"""Relative distance of a draw's minimiser below which it is the population's."""


def measure(job: Job) -> Measurement:
    data = dataset_of(job.settings)
    population = min(MAX_POPULATION, len(data.x_train))
    settings = pinned(job.settings, {**PINS_OF_MEANFIELD, "hamiltonian.points": population})
    problem = setup(settings)
    coordinates = {"of": "mean field", **PINS_OF_MEANFIELD}
    branches = minima_of_setup(job, problem, DEPTH_OF_MEANFIELD, "meanfield", key_of_solution(settings))
    records, network = certificate_of_minimum(job, problem, branches, coordinates), trained(problem, branches[0])
    if network.still is not None:
        names = ("meanfield_distance", "meanfield_constant")
        return Measurement([*records, *(unknown(name, network.still, coordinates) for name in names)])

    def compute() -> dict[str, np.ndarray]:
        distances, gradients = distances_of_draws(job, settings, problem, branches[0].minimum.point)
        return {"distances": distances, "gradients": gradients}

    more = {
        "depth": DEPTH_OF_MEANFIELD,
        "replicas": DRAWS_OF_POINTS_A_REPLICA * settings.replicas,
        "counts": list(POINT_COUNTS),
        "minimiser": asdict(settings.minimiser),
    }
    solution = job.shared.solve("meanfield.draws", key_of_solution(settings, **more), compute)
    distances, worst = solution["distances"], float(solution["gradients"].max())
    records.append(Record("draws_gradient_norm", worst, reference=GRADIENT_NORM_OF_DRAWS, coordinates=coordinates))
    if not worst <= GRADIENT_NORM_OF_DRAWS:
        return Measurement(records)
    if float(distances.max()) <= LEAST_DISTANCE_OF_DRAWS:
        same = "every draw has the minimiser of the population: its points are one and the same"
        names = ("meanfield_distance", "meanfield_constant")
        return Measurement([*records, *(unknown(name, same, coordinates) for name in names)])
    for N, distances_at_N in zip(POINT_COUNTS, distances, strict=True):
        square, spread = (
            float((distances_at_N**2).mean()),
            float((distances_at_N**2).std(ddof=1)) / math.sqrt(len(distances_at_N)),
        )
        value = math.sqrt(square)
        more = {"coordinates": {**coordinates, "N": N}, "replicas": len(distances_at_N)}
        records.append(Record("meanfield_distance", value, stderr=spread / (2 * value), **more))
    squares = (np.array(POINT_COUNTS)[:, None] * distances**2).ravel()
    ratio = math.sqrt(float(squares.mean())) / relative_constant(network)
    spread = float(squares.std(ddof=1)) / math.sqrt(len(squares)) / float(squares.mean())
    more = {"coordinates": coordinates, "replicas": len(squares)}
    records.append(Record("meanfield_constant", ratio, stderr=ratio * spread / 2, **more))
    return Measurement(records)


def relative_constant(network: CertifiedNetwork) -> float:
    """`sqrt(tr H^-1 S H^-1) / |z|`: what `sqrt(N) |z_N - z| / |z|` tends to. H is the Hessian of the value, S the
    covariance over points of the gradients of their losses, in the scaled weights z."""
    objective, z = network.network, network.minimum.point
    product = objective.hessian(z)
    H = np.stack([product(unit) for unit in np.eye(len(z))])
    n = len(objective.q0)
    pairs = objective.pairs(network.w, network.states, network.momenta)
    by_point = torch.stack([torch.einsum("sjd,sjf->jsdf", P, f) for P, f in pairs]).sum(0).reshape(n, -1)
    gradients = -objective.decay * n * by_point / objective.depth**0.5  # of a point's own loss, n times its share
    moved = np.linalg.solve(H, (gradients - gradients.mean(0)).numpy().T)
    return math.sqrt(float((moved**2).sum()) / n) / float(np.linalg.norm(z))


def weighted(problem: Setup, points: np.ndarray, weights: np.ndarray) -> Setup:
    """The problem on some of its points; a point that was drawn several times weighs as much."""
    assert isinstance(problem.loss, Fixed)
    loss = replace(problem.loss, y=problem.loss.y[points], weights=torch.from_numpy(weights))
    return replace(problem, q0=problem.q0[points], loss=loss)


def distances_of_draws(
    job: Job, settings: Hamiltonian, problem: Setup, start: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """`|z_N - z| / |z|` of every draw, (counts, replicas), and the relative gradient norms at their minima."""
    ends, draws, size = [], DRAWS_OF_POINTS_A_REPLICA * settings.replicas, float(np.linalg.norm(start))
    for i, N in enumerate(POINT_COUNTS):
        stream = generator(settings.seed, "hamiltonian.meanfield", N)
        for r in range(draws):
            job.progress((i * draws + r) / (len(POINT_COUNTS) * draws), f"{N} points")
            points, counts = np.unique(stream.integers(len(problem.q0), size=N), return_counts=True)
            network = weighted(problem, points, counts / counts.sum()).network(DEPTH_OF_MEANFIELD)
            iterations = settings.minimiser.iterations
            end = minimise(
                network, start, tolerance=GRADIENT_NORM_OF_DRAWS, iterations=iterations, warm=True, certify=False
            )
            ends.append((float(np.linalg.norm(end.point - start)) / size, end.relative_gradient))
    distances, gradients = np.array(ends).reshape(len(POINT_COUNTS), draws, 2).transpose(2, 0, 1)
    return distances, gradients
