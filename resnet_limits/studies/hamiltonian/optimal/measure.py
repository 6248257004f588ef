"""`hamiltonian.optimal`: whether what geodesic shooting finds is a minimiser, by a search that knows no momenta.

    shooting    q(1; P_0) = y by `shoot` from the momenta of a rigid turn, to the left and to the right
    search      int tr q'^T Gamma(q, q)^{-1} q' dt over all paths from q_0 to y, from random coefficients
    margin      least singular value of (t Gamma(q_0, q_0))^{-1} dq(t)/dP_0,  t in (0, 1]
    Hessian     of that integral at a geodesic, and at its beginnings up to a time t

Two landmarks of the plane go to where a turn by 149 degrees takes them. Their difference turns by that angle, or the
other way round: no diffeomorphism takes one landmark through the other, so the angle, followed through, tells the two
branches apart. A third geodesic goes on beyond a conjugate point. Nothing depends on the depth.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from scipy.optimize import brentq
from torch import Tensor

from ....errors import MeasurementError
from ....limits.hamiltonian.geodesics import Geodesic, conjugate_margin, conjugate_time, geodesic
from ....limits.hamiltonian.integrators import INTEGRATORS
from ....limits.hamiltonian.kernels.gaussian import GaussianKernel
from ....limits.hamiltonian.path_energy import PathEnergy
from ....limits.hamiltonian.shooting import FixedEnds, shoot
from ....measurement.job import Job
from ....measurement.record import Measurement, Record, unknown
from ....random import generator
from ....training.minimiser import minimise
from ..limit import SAFETY_OF_SHOOTING_ERROR, both
from .claims import COORDINATE_OF_CONJUGATE, COORDINATE_OF_TURN, PINS_OF_OPTIMAL

LENGTH_OF_KERNEL_OF_PAIR = float(PINS_OF_OPTIMAL["hamiltonian.length"])
KERNEL_OF_PAIR, INTEGRATOR_OF_SHOOTING = GaussianKernel(LENGTH_OF_KERNEL_OF_PAIR), "rk4"
START_OF_PAIR = torch.tensor([[-1.0, 0.0], [1.0, 0.0]], dtype=torch.float64)
TURN = 2.6
"""Radians; the other way it is 2 pi - 2.6."""
MOMENTUM_BEYOND = torch.tensor([[-5.2, 8.2], [-8.0, 10.0]], dtype=torch.float64)
"""Of a geodesic whose first conjugate time is before 1."""
PARTS_OF_TURN, STEPS_OF_PARTS = 4, 16
"""Shorter turns on the way to the whole one, and the steps of their shooting."""
STEPS_OF_SHOOTING = 128
"""Of the geodesics, of which half as many tell the error."""
SHARE_OF_ERROR = SAFETY_OF_SHOOTING_ERROR / (2 ** INTEGRATORS[INTEGRATOR_OF_SHOOTING].order - 1)
ERROR_OF_MARGIN, ERROR_OF_CURVATURE, ERROR_OF_CONJUGATE_TIME = 1e-6, 1e-5, 1e-5
"""By comparison with 256 steps, and with paths of 16 and of 28 coefficients."""
EARLIEST_CONJUGATE_TIME = 0.1
DEGREE_OF_PATHS = 20
"""Coefficients of a path: least energies are off by 1e-13 of them; of 16 by as much, of 12 by 2e-14 and 1e-10."""
STANDARD_DEVIATION_OF_STARTS = 2.0
"""Of each coefficient: both branches are reached."""
TIMES_OF_TURNING = 200
RELATIVE_GRADIENT_OF_PATHS = 1e-8
"""To which each search is minimised: its energy is off by the square."""
RELATIVE_ERROR_OF_SEARCH = 1e-10


def measure(job: Job) -> Measurement:
    """Least energies found by those of the geodesics, the margin of the lower one, and where a third one ceases to be
    a minimum."""
    seed, starts = job.settings.seed, job.settings.replicas
    solution = job.shared.solve(
        "optimal", {"seed": seed, "replicas": starts}, lambda: geodesics_and_searches(job, seed, starts)
    )
    turn, beyond = ({**of, **PINS_OF_OPTIMAL} for of in (COORDINATE_OF_TURN, COORDINATE_OF_CONJUGATE))
    energies, errors, angles = (solution[name].tolist() for name in ("energies", "errors", "angles"))
    lower = min((0, 1), key=lambda way: energies[way])
    higher = 1 - lower
    values, turns = solution["searches"].T
    alike = np.abs(turns - angles[higher]) < math.pi
    margin, (curvature, indefinite, conjugate) = float(solution["margins"][lower]), solution["beyond"].tolist()
    return Measurement(
        [
            ratio("least_energy", values, energies[lower], errors[lower], turn),
            ratio("lowest_control", solution["lowest"], energies[lower], errors[lower], turn),
            ratio("least_energy_of_branch", values[alike], energies[higher], errors[higher], turn),
            Record("conjugate_margin", margin, reference_error=ERROR_OF_MARGIN, coordinates=turn),
            Record("least_curvature", curvature, reference_error=ERROR_OF_CURVATURE, coordinates=beyond),
            ratio_of_times(indefinite, conjugate, beyond),
        ]
    )


def geodesics_and_searches(job: Job, seed: int, starts: int) -> dict[str, np.ndarray]:
    """Geodesics to the left and to the right, what the searches find, and the Hessian beyond a conjugate point."""
    paths, errors = zip(*(shot(way) for way in (TURN, TURN - 2 * math.pi)), strict=True)
    beyond = geodesic_of(MOMENTUM_BEYOND)
    job.progress(0.3, "random starts")
    searches, lowest = searched(turned(TURN), seed, starts)
    return {
        "energies": np.array([path.path_energy for path in paths]),
        "errors": np.array(errors),
        "angles": np.array([turning(path.states) for path in paths]),
        "margins": np.array([conjugate_margin(KERNEL_OF_PAIR, path) for path in paths]),
        "searches": searches,
        "lowest": np.array([lowest]),
        "beyond": np.array([least_curvature(beyond, 1.0), indefinite_from(beyond), conjugate_time(beyond)]),
    }


def ratio(name: str, values: np.ndarray, energy: float, error: float, where: dict[str, Any]) -> Record:
    """The least of these energies, by that of a geodesic with its error."""
    if not len(values):
        return unknown(name, "no random start leads there", where)
    off = error / energy + RELATIVE_ERROR_OF_SEARCH
    return Record(name, float(values.min()) / energy, reference=energy, reference_error=off, coordinates=where)


def ratio_of_times(indefinite: float, conjugate: float, where: dict[str, Any]) -> Record:
    """When the Hessian becomes indefinite, by the conjugate time."""
    if math.isnan(indefinite / conjugate):
        return unknown("conjugate_time", "no conjugate point is on the way", where)
    error = ERROR_OF_CONJUGATE_TIME
    return Record(
        "conjugate_time", indefinite / conjugate, reference=conjugate, reference_error=error, coordinates=where
    )


# -- geodesics ------------------------------------------------------------------------------------


def turned(angle: float) -> Tensor:
    """The landmarks, turned about the origin."""
    cos, sin = math.cos(angle), math.sin(angle)
    return START_OF_PAIR @ torch.tensor([[cos, sin], [-sin, cos]], dtype=torch.float64)


def shot(way: float) -> tuple[Geodesic, float]:
    """The geodesic to the landmarks turned by the angle `way`, from those to parts of that turn; its energy's error.
    Raises `MeasurementError` where shooting does not find it."""
    K = KERNEL_OF_PAIR.matrix(START_OF_PAIR, START_OF_PAIR)
    P = torch.linalg.solve(K, way / PARTS_OF_TURN * turned(math.pi / 2))  # of a rigid turn
    for part in range(1, PARTS_OF_TURN):
        P = shoot(aim_turned_by(way * part / PARTS_OF_TURN), P, INTEGRATOR_OF_SHOOTING, STEPS_OF_PARTS).momentum
        P = (part + 1) / part * P
    fine, coarse = both(aim_turned_by(way), P, INTEGRATOR_OF_SHOOTING, STEPS_OF_SHOOTING)
    if why := fine.why or coarse.why:
        raise MeasurementError(f"the geodesic that turns by {way:.3g} was not found: {why}")
    return geodesic_of(fine.momentum), 2 * SHARE_OF_ERROR * abs(fine.energy - coarse.energy)


def aim_turned_by(angle: float) -> FixedEnds:
    return FixedEnds(KERNEL_OF_PAIR, START_OF_PAIR, turned(angle))


def geodesic_of(P: Tensor) -> Geodesic:
    """The geodesic from the landmarks with these momenta."""
    return geodesic(KERNEL_OF_PAIR, START_OF_PAIR, P, INTEGRATORS[INTEGRATOR_OF_SHOOTING], STEPS_OF_SHOOTING)


def turning(states: Tensor) -> float:
    """The angle by which the difference of the two landmarks turns along the path, (t, 2, 2)."""
    across = (states[:, 1] - states[:, 0]).numpy()
    angles = np.unwrap(np.arctan2(across[:, 1], across[:, 0]))
    return float(angles[-1] - angles[0])


# -- paths ----------------------------------------------------------------------------------------


def kernel_matrices(q: Tensor) -> Tensor:
    """`Gamma(q, q)`, (*b, n, n), written anew."""
    squares = (q[..., :, None, :] - q[..., None, :, :]).square().sum(-1)
    return torch.exp(-squares / (2 * LENGTH_OF_KERNEL_OF_PAIR**2))


def energy_to(end: Tensor) -> PathEnergy:
    """Of the paths from the landmarks to `end`."""
    return PathEnergy(kernel_matrices, START_OF_PAIR, end, DEGREE_OF_PATHS)


def searched(end: Tensor, seed: int, starts: int) -> tuple[np.ndarray, float]:
    """Energy and turning of the minima that random starts reach, (m, 2); the least energy of all paths tried."""
    energy, times, minima, lowest = energy_to(end), np.linspace(0, 1, TIMES_OF_TURNING), [], math.inf

    def noted(c: Tensor) -> Tensor:
        nonlocal lowest
        value = energy(c)
        lowest = min(lowest, float(value.detach()))
        return value

    for start in range(starts):
        draw = generator(seed, "hamiltonian.optimal", start).standard_normal(energy.unknowns)
        c = STANDARD_DEVIATION_OF_STARTS * draw
        minimum = minimise(noted, c, tolerance=RELATIVE_GRADIENT_OF_PATHS, certify=False)
        states, _ = energy.path(torch.from_numpy(minimum.point), times)
        if minimum.converged:
            minima.append((minimum.value, turning(states)))
    return np.array(minima).reshape(-1, 2), lowest


def least_curvature(path: Geodesic, time: float) -> float:
    """The least eigenvalue of the Hessian of the path energy at the beginning of a geodesic, up to this time."""
    whole, t = energy_to(path.states[-1]), np.linspace(0, time, len(path.states))
    states, _ = whole.path(whole.coefficients(path.states), t)
    part = energy_to(states[-1])
    return float(part.curvatures(part.coefficients(states))[0])


def indefinite_from(path: Geodesic) -> float:
    """The time up to which that eigenvalue, which falls with the time, is positive; nan where it changes no sign."""
    early, late = EARLIEST_CONJUGATE_TIME, 1.0
    if not least_curvature(path, early) > 0 > least_curvature(path, late):
        return math.nan
    return float(brentq(lambda time: least_curvature(path, time), early, late, xtol=1e-8))  # pyright: ignore
