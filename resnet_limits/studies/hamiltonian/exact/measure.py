"""`hamiltonian.exact.*`: networks and shooting against geodesics in closed form.

    exact_gap        |(J_L - J)/J, (q_L - q(1))/moved|,  a network of L layers; its entries are kept, with their signs
    exact_shot_gap   max of |V - J|/J, |2H_shot - 2H|/2H, |q_shot(1) - q(1)|/moved

`J`, `2H` and `q(1)` are those of `limits/hamiltonian/closed_forms`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict

import numpy as np
import torch

from ....errors import Undetermined
from ....limits.hamiltonian.closed_forms.landmarks import two_landmarks
from ....limits.hamiltonian.closed_forms.line import points_of_the_line
from ....limits.hamiltonian.closed_forms.linear import general_linear
from ....limits.hamiltonian.closed_forms.point import one_point
from ....limits.hamiltonian.closed_forms.solution import ExactGeodesic
from ....limits.hamiltonian.integrators import INTEGRATORS
from ....limits.hamiltonian.trajectory import trajectory_from
from ....measurement.job import Job
from ....measurement.record import Measurement, Record, unknown
from ....networks.activations import activation_named
from ..limit import ShootingLimit, certificate_of_shooting, limit_of_setup
from ..problem import Setup, certificate_of_minimum, key_of_solution, minima_of_setup, setup, trained
from ..settings import Hamiltonian
from .claims import PLATEAU_OF_EXACT_GAP
from .instances import INSTANCES, Instance

ERROR_OF_CLOSED_FORM = 1e-11
"""Relative: of its quadratures, and of the root of its equations."""
GAPS = ("exact_gap", PLATEAU_OF_EXACT_GAP["exact_gap"], "exact_shot_gap")


def measure(job: Job) -> Measurement:
    measured = Measurement()
    for i, instance in enumerate(INSTANCES):
        job.progress(i / len(INSTANCES), instance.name)
        measured.extend(of_instance(job, instance))
    return measured


def of_instance(job: Job, instance: Instance) -> Measurement:
    """Network and shooting against the closed form; nothing where points are typed that are none of the instance."""
    if instance.unfit(job.settings) is not None:
        return Measurement()
    settings, where = instance.settings(job.settings), {"of": instance.of, **instance.pins}
    problem, name = setup(settings), f"exact_{instance.name}"
    try:
        exact = CLOSED_FORMS[instance.name](settings, problem)
    except Undetermined as error:
        return Measurement([unknown(gap, str(error), where) for gap in GAPS])
    branches = minima_of_setup(job, problem, settings.depth, name, key_of_solution(settings))
    network, shot = trained(problem, branches[0]), limit_of_setup(job, settings, problem, name)
    records = certificate_of_minimum(job, problem, branches, where) + certificate_of_shooting(shot, where)
    if exact.path_energy == 0:
        return Measurement([*records, *(unknown(gap, "no point moves", where) for gap in GAPS)])
    value, end = _off(exact, problem, network.minimum.value, network.states[-1].numpy())
    error = ERROR_OF_CLOSED_FORM + settings.depth**0.5 * network.off
    gap = math.hypot(value, float(np.linalg.norm(end)))
    records.append(Record("exact_gap", gap, reference=exact.value, reference_error=error, coordinates=where))
    if not shot.why:
        gap, error = _of_shooting(job, settings, exact, shot, name)
        records.append(Record("exact_shot_gap", gap, reference=exact.value, reference_error=error, coordinates=where))
    entries = np.stack([np.full(end.size, value), end.ravel()])
    return Measurement(records, {f"{instance.prefix}exact_gap": entries})


def _off(exact: ExactGeodesic, problem: Setup, value: float, end: np.ndarray) -> tuple[float, np.ndarray]:
    """Relative: of the value, and of the states at the end by how far all points move."""
    moved = np.linalg.norm(exact.end - problem.q0.numpy())
    return (value - exact.value) / exact.value, (end - exact.end) / moved


def _of_shooting(
    job: Job, settings: Hamiltonian, exact: ExactGeodesic, shot: ShootingLimit, name: str
) -> tuple[float, float]:
    """The largest gap, and what the shooting's own error is: from half the steps, and what is left of its residual."""
    keys = settings.hamiltonian

    def compute() -> dict[str, np.ndarray]:
        gaps = []
        for P, value, energy, steps in zip(
            shot.momenta, shot.values, shot.energies, (keys.steps, keys.steps // 2), strict=True
        ):
            path = trajectory_from(shot.problem.kernel, shot.problem.q0, P, INTEGRATORS[keys.integrator], steps)
            of_value, of_end = _off(exact, shot.problem, value, path.states[-1].numpy())
            of_energy = (2 * energy - exact.path_energy) / exact.path_energy
            gaps.append([abs(of_value), float(np.linalg.norm(of_end)), abs(of_energy)])
        return {"gaps": np.array(gaps)}

    more = {"integrator": keys.integrator, "steps": keys.steps, "minimiser": asdict(settings.minimiser)}
    fine, coarse = job.shared.solve(f"{name}.gaps", key_of_solution(settings, **more), compute)["gaps"]
    error = shot.share * float(np.abs(fine - coarse).max()) + shot.left + ERROR_OF_CLOSED_FORM
    return float(fine.max()), error


def _numbers(problem: Setup) -> tuple[np.ndarray, np.ndarray]:
    """`q_0` and `y`."""
    return problem.q0.numpy(), problem.loss.y.numpy()


def _point(settings: Hamiltonian, problem: Setup) -> ExactGeodesic:
    a = activation_named(settings.activation)
    (((q0,),), ((y,),)) = (numbers.tolist() for numbers in _numbers(problem))
    return one_point(lambda q: float(a(torch.tensor(q, dtype=torch.float64))), q0, y, problem.nu)


CLOSED_FORMS: dict[str, Callable[[Hamiltonian, Setup], ExactGeodesic]] = {
    "point": _point,
    "line": lambda settings, problem: points_of_the_line(*_numbers(problem), problem.nu),
    "linear": lambda settings, problem: general_linear(*_numbers(problem), problem.nu),
    "landmarks": lambda settings, problem: two_landmarks(settings.hamiltonian.length, *_numbers(problem), problem.nu),
}
"""By the name of the instance."""
