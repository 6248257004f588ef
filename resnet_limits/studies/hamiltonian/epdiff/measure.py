"""`hamiltonian.epdiff`: particles of a Hamiltonian flow against the EPDiff equation on the circle, solved without any.

    particles    q' = dH/dP,  P' = -dH/dq,  H = 1/2 P^T Gamma(q, q) P,     v_N = sum_j Gamma(., q_j) P_j
    equation     m_t + (v m)_x + v_x m = 0,  v = Gamma * m                 pseudo-spectral

    q_j on an even grid, or independent and uniform;   P_j = m_0(q_j) 2 pi / N;   compared at time 1

    carried_momentum     max_j |m(q_j(1)) (P_j(0) / P_j(1))^2 - m_0(q_j(0))| / max |m_0|

The momenta of the particles obey `P' = -v_x(q) P`, so that `P(0)/P(1)` is the derivative of the flow at the particle.
Nothing depends on the depth.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from ....limits.hamiltonian.epdiff import LENGTH_OF_CIRCLE, MomentumField, at_points, epdiff, grid_of_circle
from ....limits.hamiltonian.integrators import INTEGRATORS
from ....limits.hamiltonian.kernels.periodic import PeriodicKernel
from ....limits.hamiltonian.trajectory import Trajectory, trajectory_from
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ....random import generator
from .claims import (
    COORDINATE_OF_DRAWS,
    COORDINATE_OF_GRID,
    COUNTS_DRAWN,
    COUNTS_ON_GRID,
    LENGTH_OF_KERNEL,
    PARTICLES_ON_GRID,
    PINS_OF_EPDIFF,
)

KERNEL_OF_PARTICLES = PeriodicKernel(LENGTH_OF_KERNEL)
POINTS_OF_EQUATION, STEPS_OF_EQUATION = 256, 256
"""Twice as many of both tell the error of its solution, 1e-11; its momentum has no smaller scales."""
STEPS_ON_GRID, STEPS_OF_DRAWS = 128, 4
"""Steps of the particles: to 1e-10 on the grid, to 1e-4 of independent ones, which are off by a tenth."""
ERROR_OF_STEPS_ON_GRID = 5e-10
DRAWS_OF_PARTICLES_A_REPLICA = 4
"""Draws of each number of particles, for each of the key `replicas`."""


def kernel_of_equation(x: np.ndarray) -> np.ndarray:
    """`Gamma(x)`."""
    return np.exp((np.cos(x) - 1) / LENGTH_OF_KERNEL**2)


def first_momentum(x: np.ndarray) -> np.ndarray:
    """`m_0(x)`: of both signs, without symmetry."""
    return 0.6 * np.sin(x) + 0.3 * np.cos(2 * x) + 0.2


def measure(job: Job) -> Measurement:
    """What particles on grids are off by, and independent ones; what the equation conserves."""
    seed, draws = job.settings.seed, DRAWS_OF_PARTICLES_A_REPLICA * job.settings.replicas

    def compute() -> dict[str, np.ndarray]:
        field, off = equation_solved()
        errors = np.array([grid_error(flowed(grid_of_circle(N), STEPS_ON_GRID), field) for N in COUNTS_ON_GRID])
        path = flowed(grid_of_circle(PARTICLES_ON_GRID), STEPS_ON_GRID)
        numbers = np.array([off, drift(field), grid_error(path, field), carried_momentum(path, field)])
        return {"errors": errors, "numbers": numbers, "squares": squares_of_draws(job, field, seed, draws)}

    solution = job.shared.solve("epdiff", {"seed": seed, "draws": draws, "counts": list(COUNTS_DRAWN)}, compute)
    off, *numbers = solution["numbers"].tolist()
    where = {**COORDINATE_OF_GRID, **PINS_OF_EPDIFF}
    names = ("epdiff_drift", "epdiff_error", "carried_momentum")
    records = [
        Record(name, number, reference_error=off + ERROR_OF_STEPS_ON_GRID, coordinates=where)
        for name, number in zip(names, numbers, strict=True)
    ]
    for N, error in zip(COUNTS_ON_GRID, solution["errors"].tolist(), strict=True):
        more = {"reference_error": off + ERROR_OF_STEPS_ON_GRID, "coordinates": {**where, "N": N}}
        records.append(Record("epdiff_distance", error, **more))
    return Measurement([*records, *map(root_mean_square_of_draws, COUNTS_DRAWN, solution["squares"])])


def root_mean_square_of_draws(count: int, squares: np.ndarray) -> Record:
    """The record of the draws of so many particles."""
    distance = math.sqrt(float(squares.mean()))
    stderr = float(squares.std(ddof=1)) / math.sqrt(len(squares)) / (2 * distance)
    coordinates = {**COORDINATE_OF_DRAWS, **PINS_OF_EPDIFF, "N": count}
    return Record("epdiff_distance", distance, stderr=stderr, coordinates=coordinates, replicas=len(squares))


# -- equation and particles -----------------------------------------------------------------------


def equation_solved() -> tuple[MomentumField, float]:
    """The equation's solution, and the error of its last velocity relative to the largest."""

    def by(times: int) -> MomentumField:
        m = first_momentum(grid_of_circle(times * POINTS_OF_EQUATION))
        return epdiff(kernel_of_equation, m, times * STEPS_OF_EQUATION)

    coarse, fine = by(1), by(2)
    error = np.abs(coarse.velocity[-1] - fine.velocity[-1, ::2]).max()
    return coarse, float(error / np.abs(fine.velocity[-1]).max())


def flowed(q: np.ndarray, steps: int) -> Trajectory:
    """The Hamiltonian flow of particles that start at `q` with their shares of the momentum."""
    P = first_momentum(q) * LENGTH_OF_CIRCLE / len(q)
    return trajectory_from(
        KERNEL_OF_PARTICLES, torch.from_numpy(q)[:, None], torch.from_numpy(P)[:, None], INTEGRATORS["rk4"], steps
    )


def velocity_error(path: Trajectory, field: MomentumField) -> np.ndarray:
    """`v_N - v` at time 1 on the grid of the equation."""
    x = torch.from_numpy(grid_of_circle(field.velocity.shape[1]))[:, None]
    return KERNEL_OF_PARTICLES.field(x, *path.end)[:, 0].numpy() - field.velocity[-1]


def grid_error(path: Trajectory, field: MomentumField) -> float:
    """`max |v_N - v| / max |v|`."""
    return float(np.abs(velocity_error(path, field)).max() / np.abs(field.velocity[-1]).max())


def carried_momentum(path: Trajectory, field: MomentumField) -> float:
    """How far `m(phi) phi_x^2` is from `m_0`."""
    (q0, q1), (P0, P1) = (z[[0, -1], :, 0].numpy() for z in (path.states, path.momenta))
    m0 = first_momentum(q0)
    return float(np.abs(at_points(field.momentum[-1], q1) * (P0 / P1) ** 2 - m0).max() / np.abs(m0).max())


def drift(field: MomentumField) -> float:
    """The largest relative change of energy and total momentum."""
    return max(float(np.abs(path / path[0] - 1).max()) for path in (field.energy, field.total_momentum))


def squares_of_draws(job: Job, field: MomentumField, seed: int, draws: int) -> np.ndarray:
    """`|v_N - v|^2 / |v|^2` of every draw, norms of L2, (counts, draws)."""
    squares, size = [], float((field.velocity[-1] ** 2).mean())
    for i, N in enumerate(COUNTS_DRAWN):
        stream = generator(seed, "hamiltonian.epdiff", N)
        for r in range(draws):
            job.progress((i * draws + r) / (len(COUNTS_DRAWN) * draws), f"{N} particles")
            path = flowed(LENGTH_OF_CIRCLE * stream.random(N), STEPS_OF_DRAWS)
            squares.append(float((velocity_error(path, field) ** 2).mean()) / size)
    return np.array(squares).reshape(len(COUNTS_DRAWN), draws)
