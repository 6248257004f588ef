"""`hamiltonian.energy.*`, `.form.*`: what the integrators keep that follow the limit in L steps.

    energy_drift            max_s |H_s - H_0| / H_0,                       from the P_0 of the shooting
    modified_energy_drift   the same of H + h/2 (dH/dP) . (-dH/dq), in units of H_0
    form_defect             L |D^T J D - J|,  D the derivative of the first step,  J = [[0, 1], [-1, 0]]

`D` is taken by differences of the step itself, not from the tangents that the shooting uses.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ....limits.flow import root_mean_square
from ....limits.hamiltonian.integrators import INTEGRATORS, Integrator
from ....limits.hamiltonian.kernels.kernel import OperatorKernel
from ....limits.hamiltonian.trajectory import Trajectory, trajectory_from
from ....measurement.job import Job
from ....measurement.record import Measurement, Record, unknown
from ..limit import limit_of_setup
from ..outside import RELATIVE_ROUNDING_OF_STATES
from ..problem import setup, unmoved
from .claims import DRIFT_BY_INTEGRATOR, ENERGY_INTEGRATORS

POINTS_OF_DERIVATIVE = 4
"""Points in the derivative of a step."""
RELATIVE_STEP_OF_DIFFERENCES = 1e-3
"""Of states and momenta, relative to their sizes, in differences of order 4."""
DEFECT_ERROR = 1e-8
"""Of the form by these differences, a unit of time: `1e-3^4` of the fifth derivative, and rounding by `1e-3` at L=512
is 1e-10."""


def measure(job: Job) -> Measurement:
    """For each symplectic integrator whose flow got to the end what it keeps; the energy where it ended, where not."""
    settings, problem = job.settings, setup(job.settings)
    shot, records = limit_of_setup(job, settings, problem, "trained"), []
    if shot.why:
        return Measurement([])
    kernel, q, P, depth = problem.kernel, problem.q0, shot.momenta[0], settings.depth
    still = unmoved(kernel, q, P)
    for i, scheme in enumerate(ENERGY_INTEGRATORS):
        job.progress(i / len(ENERGY_INTEGRATORS), scheme)
        where, integrator = {"of": "own", "scheme": scheme}, INTEGRATORS[scheme]
        if still is not None:
            records += [unknown(name, still, where) for name in (DRIFT_BY_INTEGRATOR[scheme], "form_defect")]
            continue
        path = trajectory_from(kernel, q, P, integrator, depth)
        if path.diverged:
            records.append(Record("diverged_energy", float(path.energy[-1]), coordinates=where))
            continue
        drifts = {"energy_drift": path.drift}
        if scheme == "symplectic_euler":
            drifts["modified_energy_drift"] = modified_drift(kernel, path)
        records += [
            Record(name, drift, reference_error=depth * RELATIVE_ROUNDING_OF_STATES, coordinates=where)
            for name, drift in drifts.items()
        ]
        defect = form_defect(integrator, kernel, q[:POINTS_OF_DERIVATIVE], P[:POINTS_OF_DERIVATIVE], depth)
        records.append(Record("form_defect", defect, reference_error=DEFECT_ERROR, coordinates=where))
    return Measurement(records)


def modified_drift(kernel: OperatorKernel, path: Trajectory) -> float:
    """Of symplectic Euler that is implicit in the momenta."""
    h, kept = 1 / (len(path.states) - 1), []
    for q, P, energy in zip(path.states, path.momenta, path.energy, strict=True):
        velocity, rate = kernel.at(q).both(P)
        kept.append(energy + h / 2 * (velocity * rate).sum())
    return float((torch.stack(kept) - kept[0]).abs().max() / path.energy[0])


def form_defect(integrator: Integrator, kernel: OperatorKernel, q: Tensor, P: Tensor, depth: int) -> float:
    """`L |D^T J D - J|`, the largest entry; positions and momenta in units of their sizes."""
    n, h = q.numel(), 1 / depth
    units = torch.cat([torch.full((n,), root_mean_square(q)), torch.full((n,), root_mean_square(P))]).to(q)

    def stepped(z: Tensor) -> Tensor:
        x = z * units
        return torch.cat([part.flatten() for part in integrator.step(kernel, x[:n].view_as(q), x[n:].view_as(P), h)])

    z = torch.cat([q.flatten(), P.flatten()]) / units
    D = torch.stack(
        [derivative(stepped, z, along) for along in RELATIVE_STEP_OF_DIFFERENCES * torch.eye(2 * n, dtype=z.dtype)],
        dim=1,
    )
    D = D / RELATIVE_STEP_OF_DIFFERENCES / units[:, None]
    J = torch.zeros_like(D)
    J[:n, n:] = torch.eye(n)
    J = J - J.T
    return float(depth * (D.T @ J @ D - J).abs().max())


def derivative(of: Callable[[Tensor], Tensor], z: Tensor, along: Tensor) -> Tensor:
    """Of `of` along a short vector, by central differences of order 4."""
    return (8 * (of(z + along) - of(z - along)) - (of(z + 2 * along) - of(z - 2 * along))) / 12
