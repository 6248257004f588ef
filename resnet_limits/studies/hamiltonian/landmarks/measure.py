"""`hamiltonian.geodesic.landmarks`: landmark matching in the plane with a Gaussian kernel, trained and by shooting.

    trained    q_{s+1} = q_s + (1/L) K(q_s) p_s,   all momenta p_s free,   J = nu/2 1/L sum p_s^T K(q_s) p_s + loss
    shooting   P_0 alone, from zero: L-BFGS with gradients through the flow, then Newton

    energy_gap = |1/L sum p^T K p - 2 H| / 2 H,      value_gap = |J_L - J| / J

Twelve landmarks on a circle, to a rotated clover. Sources: Joshi & Miller 2000; Owhadi 2020, arXiv 2008.03920.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from ....limits.hamiltonian.end_loss import Fixed
from ....limits.hamiltonian.integrators import INTEGRATORS
from ....limits.hamiltonian.kernels.gaussian import GaussianKernel
from ....limits.hamiltonian.kernels.kernel import OperatorKernel
from ....limits.hamiltonian.losses.square import SquareLoss
from ....limits.hamiltonian.shooting import Problem, lowered_by_lbfgs, shoot
from ....limits.hamiltonian.trajectory import Trajectory, trajectory_from
from ....measurement.job import Job
from ....measurement.record import Measurement, Record
from ..limit import SAFETY_OF_SHOOTING_ERROR, both
from ..outside import RELATIVE_ROUNDING_OF_STATES
from ..problem import Setup, certificate_of_minimum, minima_of_setup, trained
from .claims import PINS_OF_LANDMARKS, PLATEAU_OF_ENERGY_GAP, PREFIX_OF_LANDMARK_ARRAYS

LANDMARK_COUNT = 12
NU, LENGTH = float(PINS_OF_LANDMARKS["hamiltonian.nu"]), float(PINS_OF_LANDMARKS["hamiltonian.length"])
KERNEL_DRAWN, NU_OF_DRAWN_MATCHES = GaussianKernel(0.5), (0.02, 0.001)
"""Kernel of the match that the figure shows, and the weights of the energy on the way there: landmarks arrive."""
DESCENT_STEPS, STEPS_OF_FIRST_SHOOTING = 4, 16
"""Steps of RK4 in the descent from zero, and in the first shooting from where it ends."""
QUARTERS_KEPT = 4
"""Quarters of the time at which the deformed plane is kept."""
LINES_OF_GRID = 21
"""Lines of the grid each way."""


def shapes() -> tuple[Tensor, Tensor]:
    """Landmarks and where they are to go, (12, 2) each."""
    angle = 2 * math.pi * torch.arange(LANDMARK_COUNT, dtype=torch.float64) / LANDMARK_COUNT
    circle = torch.stack([torch.cos(angle), torch.sin(angle)], dim=1)
    turned = torch.stack([torch.cos(angle + 0.5), torch.sin(angle + 0.5)], dim=1)
    return circle, (1 + 0.35 * torch.cos(3 * angle))[:, None] * turned


def measure(job: Job) -> Measurement:
    settings, keys = job.settings, job.settings.hamiltonian
    circle, clover = shapes()
    problem = Setup(GaussianKernel(LENGTH), circle, NU, Fixed(SquareLoss(), clover))
    coordinates = {"of": "landmarks", **PINS_OF_LANDMARKS}
    shared = {"length": LENGTH, "count": LANDMARK_COUNT, "nu": NU, "seed": settings.seed}
    branches = minima_of_setup(job, problem, settings.depth, "landmarks", shared)
    network = trained(problem, branches[0])
    job.progress(0.5, "shooting")

    def compute() -> dict[str, np.ndarray]:
        aim = Problem(problem.kernel, problem.q0, NU, problem.loss)
        first = lowered_by_lbfgs(aim, INTEGRATORS["rk4"], DESCENT_STEPS, iterations=15)
        first = shoot(aim, first, INTEGRATORS["rk4"], STEPS_OF_FIRST_SHOOTING).momentum
        fine, coarse = both(aim, first, keys.integrator, keys.steps)
        numbers = np.array([fine.value, coarse.value, fine.energy, coarse.energy, fine.residual, fine.converged])
        drawn = torch.zeros_like(circle)
        for nu in NU_OF_DRAWN_MATCHES:
            closer = Problem(KERNEL_DRAWN, circle, nu, problem.loss)
            drawn = lowered_by_lbfgs(closer, INTEGRATORS["rk4"], DESCENT_STEPS, drawn, iterations=15)
            drawn = shoot(closer, drawn, INTEGRATORS["rk4"], 2 * STEPS_OF_FIRST_SHOOTING).momentum
        return {"P": fine.momentum.numpy(), "drawn": drawn.numpy(), "numbers": numbers}

    solution = job.shared.solve(
        "landmarks.limit", {**shared, "integrator": keys.integrator, "steps": keys.steps}, compute
    )
    value, coarse_value, energy, coarse_energy, residual, reached = solution["numbers"].tolist()
    records = certificate_of_minimum(job, problem, branches, coordinates)
    records += [
        Record("shooting_residual", residual, coordinates=coordinates),
        Record("shooting_energy", energy, coordinates=coordinates),
        Record("shooting_reached", reached, coordinates=coordinates),
    ]
    if not reached:
        return Measurement(records)
    share = SAFETY_OF_SHOOTING_ERROR / (2 ** INTEGRATORS[keys.integrator].order - 1)
    left = 2 * SAFETY_OF_SHOOTING_ERROR * residual + settings.depth**0.5 * network.off
    squares = float(settings.depth * network.w.square().sum())
    gaps = {
        "energy_gap": (squares - 2 * energy, 2 * (energy - coarse_energy), 2 * energy),
        "value_gap": (network.minimum.value - value, value - coarse_value, value),
    }
    records += [
        Record(
            name,
            abs(gap) / scale,
            reference=scale,
            reference_error=share * abs(error) / scale + left + RELATIVE_ROUNDING_OF_STATES,
            coordinates=coordinates,
        )
        for name, (gap, error, scale) in gaps.items()
    ]
    arrays = {
        f"{PREFIX_OF_LANDMARK_ARRAYS}{name}": np.array([[gap / scale]])
        for name, (gap, _, scale) in gaps.items()
        if name in PLATEAU_OF_ENERGY_GAP
    }
    path = trajectory_from(KERNEL_DRAWN, circle, torch.from_numpy(solution["drawn"]), INTEGRATORS["rk4"], 64)
    if path.diverged:
        return Measurement(records, arrays)
    arrays |= {
        "landmarks.momentum": solution["P"],
        "landmarks.states": path.states[:: 64 // QUARTERS_KEPT].numpy(),
        "landmarks.momenta": path.momenta[:: 64 // QUARTERS_KEPT].numpy(),
        "landmarks.targets": clover.numpy(),
        "landmarks.grid": carried(KERNEL_DRAWN, path, nodes_of_plane())[:: 64 // QUARTERS_KEPT].numpy(),
    }
    # In the order of memory: a file of arrays knows no strides.
    return Measurement(records, {name: np.ascontiguousarray(array) for name, array in arrays.items()})


def nodes_of_plane() -> Tensor:
    """(LINES_OF_GRID^2, 2)"""
    side = torch.linspace(-1.8, 1.8, LINES_OF_GRID, dtype=torch.float64)
    return torch.cartesian_prod(side, side)


def carried(kernel: OperatorKernel, path: Trajectory, x: Tensor) -> Tensor:
    """Other points that the flow carries along, at all its times, by Heun's method: (steps + 1, m, 2)."""
    carried, h = [x], 1 / (len(path.states) - 1)
    for s in range(len(path.states) - 1):
        first = kernel.field(x, path.states[s], path.momenta[s])
        second = kernel.field(x + h * first, path.states[s + 1], path.momenta[s + 1])
        x = x + h / 2 * (first + second)
        carried.append(x)
    return torch.stack(carried)
