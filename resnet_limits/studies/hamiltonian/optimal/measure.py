"""`hamiltonian.optimal`: whether what geodesic shooting finds is a minimiser, by a search that knows no momenta.

    shooting    q(1; P_0) = y by Newton's method from the momenta of a rigid turn, to the left and to the right
    search      int tr q'^T Gamma(q, q)^{-1} q' dt over all paths from q_0 to y, from random coefficients
    margin      least singular value of (t Gamma(q_0, q_0))^{-1} dq(t)/dP_0,  t in (0, 1]

Two landmarks of the plane go to where a turn by 149 degrees takes them. Their difference turns by that angle, or the
other way round: no diffeomorphism takes one landmark through the other, so the angle, followed through, tells the two
branches apart. A third geodesic goes on beyond a conjugate point. Nothing depends on the depth.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ....limits.hamiltonian.geodesics import Geodesic, conjugate_margin, geodesic, geodesic_to
from ....limits.hamiltonian.integrators import INTEGRATORS
from ....limits.hamiltonian.kernels.gaussian import GaussianKernel
from ....limits.hamiltonian.path_energy import PathEnergy
from ....measurement.job import Job
from ....measurement.record import Measurement, Record, unknown
from ....random import generator
from ....training.minimiser import minimise
from ..limit import SAFETY_OF_SHOOTING_ERROR
from .claims import COORDINATE_OF_CONJUGATE, COORDINATE_OF_TURN, PINS_OF_OPTIMAL

LENGTH_OF_KERNEL_OF_PAIR = float(PINS_OF_OPTIMAL["hamiltonian.length"])
KERNEL_OF_PAIR, INTEGRATOR_OF_SHOOTING = GaussianKernel(LENGTH_OF_KERNEL_OF_PAIR), INTEGRATORS["rk4"]
START_OF_PAIR = torch.tensor([[-1.0, 0.0], [1.0, 0.0]], dtype=torch.float64)
TURN = 2.6
"""Radians; the other way it is 2 pi - 2.6."""
MOMENTUM_BEYOND = torch.tensor([[-5.2, 8.2], [-8.0, 10.0]], dtype=torch.float64)
"""Of a geodesic whose first conjugate time is before 1."""
PLACE_OF_BEYOND = 2
"""Its place after the two others."""
STEPS_OF_FIRST_GEODESIC, STEPS_OF_SHOOTING = 32, 128
"""Of INTEGRATOR_OF_SHOOTING: from far away, and those of the geodesics, of which half as many tell the error."""
SHARE_OF_ERROR = SAFETY_OF_SHOOTING_ERROR / (2**INTEGRATOR_OF_SHOOTING.order - 1)
ERROR_OF_MARGIN = 1e-6
DEGREE_OF_PATHS = 20
"""Coefficients of a path: least energies are off by 1e-13 of them; of 16 by as much, of 12 by 2e-14 and 1e-10."""
RANDOM_STARTS = 24
STANDARD_DEVIATION_OF_STARTS = 2.0
"""Of each coefficient: both branches are reached."""
TIMES_OF_TURNING = 200
RELATIVE_GRADIENT_OF_PATHS = 1e-8
"""To which each search is minimised: its energy is off by the square."""
RELATIVE_ERROR_OF_SEARCH = 1e-10


def measure(job: Job) -> Measurement:
    """Least energies found by those of the geodesics, and the margin of the lower one."""
    seed = job.settings.seed
    solution = job.shared.solve("optimal", {"seed": seed}, lambda: geodesics_and_searches(job, seed))
    turn, beyond = ({**of, **PINS_OF_OPTIMAL} for of in (COORDINATE_OF_TURN, COORDINATE_OF_CONJUGATE))
    energies, errors, angles = (solution[name].tolist() for name in ("energies", "errors", "angles"))
    lower = min((0, 1), key=lambda way: energies[way])
    higher = 1 - lower
    values, turns = solution["found"].T
    alike = np.abs(turns - angles[higher]) < math.pi
    margin = float(solution["margins"][lower])
    return Measurement(
        [
            ratio("least_energy", values, energies[lower], errors[lower], turn),
            ratio("least_energy_of_branch", values[alike], energies[higher], errors[higher], turn),
            Record("conjugate_margin", margin, reference_error=ERROR_OF_MARGIN, coordinates=turn),
            ratio(
                "least_energy",
                solution["found_beyond"][:, 0],
                energies[PLACE_OF_BEYOND],
                errors[PLACE_OF_BEYOND],
                beyond,
            ),
        ]
    )


def geodesics_and_searches(job: Job, seed: int) -> dict[str, np.ndarray]:
    """Geodesics to the left and to the right and one beyond its conjugate point, and what the searches find."""
    shots = [shot(way) for way in (TURN, TURN - 2 * math.pi)]
    paths, errors = zip(*shots, strict=True)
    beyond = geodesic(KERNEL_OF_PAIR, START_OF_PAIR, MOMENTUM_BEYOND, INTEGRATOR_OF_SHOOTING, STEPS_OF_SHOOTING)
    job.progress(0.3, "random starts")
    return {
        "energies": np.array([*(path.path_energy for path in paths), beyond.path_energy]),
        "errors": np.array([*errors, 0.0]),
        "angles": np.array([turning(path.states) for path in paths]),
        "margins": np.array([conjugate_margin(KERNEL_OF_PAIR, path) for path in paths]),
        "found": searched(turned(TURN), seed, "hamiltonian.optimal"),
        "found_beyond": searched(beyond.states[-1], seed, "hamiltonian.optimal.beyond"),
    }


def ratio(name: str, values: np.ndarray, energy: float, error: float, where: dict[str, Any]) -> Record:
    """The least of the energies found, by that of a geodesic with its error."""
    if not len(values):
        return unknown(name, "no random start leads there", where)
    off = error / energy + RELATIVE_ERROR_OF_SEARCH
    return Record(name, float(values.min()) / energy, reference=energy, reference_error=off, coordinates=where)


# -- shooting -------------------------------------------------------------------------------------


def turned(angle: float) -> Tensor:
    """The landmarks, turned about the origin."""
    cos, sin = math.cos(angle), math.sin(angle)
    return START_OF_PAIR @ torch.tensor([[cos, sin], [-sin, cos]], dtype=torch.float64)


def shot(way: float) -> tuple[Geodesic, float]:
    """The geodesic to the turned landmarks from the momenta of a rigid turn by the angle `way`; its energy's error."""
    end, across = turned(TURN), turned(math.pi / 2)
    P = torch.linalg.solve(KERNEL_OF_PAIR.matrix(START_OF_PAIR, START_OF_PAIR), way * across)
    for steps in (STEPS_OF_FIRST_GEODESIC, STEPS_OF_SHOOTING // 2):
        P = geodesic_to(KERNEL_OF_PAIR, START_OF_PAIR, end, P, INTEGRATOR_OF_SHOOTING, steps).momentum
    coarse = 2 * float(KERNEL_OF_PAIR.at(START_OF_PAIR).energy(P))
    path = geodesic_to(KERNEL_OF_PAIR, START_OF_PAIR, end, P, INTEGRATOR_OF_SHOOTING, STEPS_OF_SHOOTING)
    return path, SHARE_OF_ERROR * abs(path.path_energy - coarse)


def turning(states: Tensor) -> float:
    """The angle by which the difference of the two landmarks turns along the path, (t, 2, 2)."""
    across = (states[:, 1] - states[:, 0]).numpy()
    angles = np.unwrap(np.arctan2(across[:, 1], across[:, 0]))
    return float(angles[-1] - angles[0])


# -- search ---------------------------------------------------------------------------------------


def kernel_matrices(q: Tensor) -> Tensor:
    """`Gamma(q, q)`, (*b, n, n), written anew."""
    squares = (q[..., :, None, :] - q[..., None, :, :]).square().sum(-1)
    return torch.exp(-squares / (2 * LENGTH_OF_KERNEL_OF_PAIR**2))


def searched(end: Tensor, seed: int, purpose: str) -> np.ndarray:
    """Energy and turning of the minima that random starts reach, (m, 2)."""
    energy, times, minima = (
        PathEnergy(kernel_matrices, START_OF_PAIR, end, DEGREE_OF_PATHS),
        np.linspace(0, 1, TIMES_OF_TURNING),
        [],
    )
    for start in range(RANDOM_STARTS):
        c = STANDARD_DEVIATION_OF_STARTS * generator(seed, purpose, start).standard_normal(energy.unknowns)
        minimum = minimise(energy, c, tolerance=RELATIVE_GRADIENT_OF_PATHS, certify=False)
        states, _ = energy.path(torch.from_numpy(minimum.point), times)
        if minimum.converged:
            minima.append((minimum.value, turning(states)))
    return np.array(minima).reshape(-1, 2)
