"""The limit of some settings by geodesic shooting, shared by all depths, with its error.

`P_0` starts from the momenta of a network of `JUDGED_DEPTH` layers, so that network and limit are on the same branch,
and is polished by Newton's method
on the flow of the chosen integrator; a second solution with half the steps tells the error.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ...limits.flow import root_mean_square
from ...limits.hamiltonian.integrators import INTEGRATORS, Diverged
from ...limits.hamiltonian.kernels.kernel import OperatorKernel
from ...limits.hamiltonian.shooting import Aim, Problem, Shooting, shoot
from ...limits.hamiltonian.trajectory import Trajectory, trajectory_from
from ...measurement.job import Job
from ...measurement.record import Record
from ...random import generator
from ...training.branches import JUDGED_DEPTH
from .problem import Setup, key_of_solution, minima_of_setup, trained
from .settings import Hamiltonian

MIN_STEPS_OF_TRAJECTORY = 128
"""Steps of RK4, at least, between which trajectories from a known `P_0` are read."""
STEPS_OF_COARSEST_SHOOTING = 8
"""Steps of the first, coarsest shooting."""
SAFETY_OF_SHOOTING_ERROR = 1.5
"""On the error of the finer of two solutions of order p, their difference by `2^p - 1`."""


@dataclass(frozen=True)
class ShootingLimit:
    """The solution of the shooting with all the steps and with half of them.

    momenta: `P_0` of both. values: `nu H + loss` of both. energies: `H` of both. residual: of the first, relative.
    `why` says in words why there is no limit to compare with, and is empty where there is.
    """

    problem: Setup
    momenta: tuple[Tensor, Tensor]
    values: tuple[float, float]
    energies: tuple[float, float]
    residual: float
    why: str
    order: int

    @property
    def left(self) -> float:
        """What the residual that is left leaves of relative error."""
        return 2 * SAFETY_OF_SHOOTING_ERROR * self.residual

    @property
    def share(self) -> float:
        """What the error of the finer solution is of the difference of both."""
        return SAFETY_OF_SHOOTING_ERROR / (2**self.order - 1)

    def trajectories(self, depth: int, *, past: float = 0.0) -> tuple[Trajectory, Trajectory]:
        """Both, at the times `(s + past)/depth`; past is 0 or 1/2."""
        every = -(-MIN_STEPS_OF_TRAJECTORY // depth)
        every += every % 2 if past else 0
        read, paths = slice(round(past * every), None, every), []
        for P in self.momenta:
            path = _followed(self.problem.kernel, self.problem.q0, P, every * depth)
            paths.append(Trajectory(path.states[read], path.momenta[read], path.energy[read]))
        return paths[0], paths[1]

    def carried_along(self, x: Float[Tensor, "m d"], depth: int) -> tuple[Tensor, Tensor]:
        """Where both carry other points, at the times `s/depth`, (L + 1, m, d): points without momentum."""
        every, n = -(-MIN_STEPS_OF_TRAJECTORY // depth), len(self.problem.q0)
        points, still = torch.cat([self.problem.q0, x]), torch.zeros_like(x)
        fine, coarse = (
            _followed(self.problem.kernel, points, torch.cat([P, still]), every * depth).states[::every, n:]
            for P in self.momenta
        )
        return fine, coarse

    def weights(self, path: Trajectory, depth: int) -> Tensor:
        """`omega(t) = P^T f(q)` at so many times, from the first on, (L, d, f)."""
        pairs = zip(path.states[:depth], path.momenta[:depth], strict=True)
        kernel = self.problem.kernel
        return torch.stack([kernel.rows(P).mT @ kernel.at(q).root() for q, P in pairs])


def _followed(kernel: OperatorKernel, q: Tensor, P: Tensor, steps: int) -> Trajectory:
    """By so many steps of RK4. Raises `Diverged`."""
    path = trajectory_from(kernel, q, P, INTEGRATORS["rk4"], steps)
    if path.diverged:
        raise Diverged(path.diverged)
    return path


def limit_of_setup(job: Job, settings: Hamiltonian, problem: Setup, name: str, *, noise: float = 0.0) -> ShootingLimit:
    """The limit of these settings; `name` tells those of different settings of one job apart in names of files.

    `noise`: relative size of normals added to the network's momenta, so that Newton's method starts elsewhere.
    """
    keys = settings.hamiltonian
    more = {
        "integrator": keys.integrator,
        "steps": keys.steps,
        "from": JUDGED_DEPTH,
        "noise": noise,
        "minimiser": asdict(settings.minimiser),
    }

    def compute() -> dict[str, np.ndarray]:
        P = trained(problem, minima_of_setup(job, problem, JUDGED_DEPTH, name, key_of_solution(settings))[0]).momenta[0]
        draw = generator(settings.seed, "hamiltonian.shooting").standard_normal(P.shape)
        P = P + noise * root_mean_square(P) * torch.from_numpy(draw)
        aim = Problem(problem.kernel, problem.q0, problem.nu, problem.loss)
        return _arrays(*both(aim, P, keys.integrator, keys.steps))

    solution = job.shared.solve(f"{name}.limit", key_of_solution(settings, **more), compute)
    P, numbers = torch.from_numpy(solution["P"]), solution["numbers"].tolist()
    why = solution["why"].tobytes().decode()
    return ShootingLimit(
        problem,
        (P[0], P[1]),
        (numbers[0], numbers[1]),
        (numbers[2], numbers[3]),
        numbers[4],
        why,
        INTEGRATORS[keys.integrator].order,
    )


def both(aim: Aim, P: Tensor, integrator: str, steps: int) -> tuple[Shooting, Shooting]:
    """Shootings from `P` with all the steps, and with half of them."""
    by, few, half = INTEGRATORS[integrator], max(STEPS_OF_COARSEST_SHOOTING, steps // 8), steps // 2
    first = shoot(aim, P, by, few)  # most of the way, at an eighth of the cost
    coarse = shoot(aim, first.momentum if first.converged else P, by, half)
    if not coarse.converged:
        return shoot(aim, P, by, steps), coarse
    return shoot(aim, extrapolated_momentum(first, coarse, few, half, steps, by.order), by, steps), coarse


def extrapolated_momentum(first: Shooting, coarse: Shooting, few: int, half: int, steps: int, order: int) -> Tensor:
    """Where a momentum of so many steps is to be looked for, from those of fewer: errors go like `steps^-order`."""
    if not first.converged or few >= half:
        return coarse.momentum
    ahead = (half**-order - steps**-order) / (few**-order - half**-order)
    return coarse.momentum + ahead * (coarse.momentum - first.momentum)


def _arrays(fine: Shooting, coarse: Shooting) -> dict[str, np.ndarray]:
    numbers = [fine.value, coarse.value, fine.energy, coarse.energy, fine.residual]
    why = (fine.why or coarse.why).encode()
    P = torch.stack([fine.momentum, coarse.momentum]).numpy()
    return {"P": P, "numbers": np.array(numbers), "why": np.frombuffer(why, dtype=np.uint8)}


def certificate_of_shooting(shot: ShootingLimit, coordinates: dict[str, str]) -> list[Record]:
    """What says that the shooting hit, or how far it got: the energy of its path, in any case."""
    return [
        Record("shooting_residual", shot.residual, coordinates=coordinates),
        Record("shooting_energy", shot.energies[0], coordinates=coordinates),
        Record("shooting_reached", float(not shot.why), coordinates=coordinates),
    ]
