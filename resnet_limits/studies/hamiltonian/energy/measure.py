"""`hamiltonian.energy.*`, `.form.*`: what the integrators keep that follow the limit in L steps.

    energy_drift            max_s |H_s - H_0| / H_0,                       from the P_0 of the shooting
    modified_energy_drift   the same of H + h/2 (dH/dP) . (-dH/dq), in units of H_0
    form_defect             |D^T J D - J|,  D the derivative of all L steps,  J = [[0, 1], [-1, 0]]

`D` is the product of the steps' derivatives, each taken by autograd through the step itself, the iteration of an
implicit one included: not from the tangents that the shooting uses.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from ....limits.flow import root_mean_square
from ....limits.hamiltonian.integrators import INTEGRATORS, ExplicitEuler, Integrator
from ....limits.hamiltonian.kernels.kernel import OperatorKernel
from ....limits.hamiltonian.trajectory import Trajectory, trajectory_from
from ....measurement.job import Job
from ....measurement.record import Measurement, Record, unknown
from ..limit import limit_of_setup
from ..outside import RELATIVE_ROUNDING_OF_STATES
from ..problem import setup, unmoved
from .claims import DRIFT_BY_INTEGRATOR, ENERGY_INTEGRATORS, EXPLICIT, MAX_DEPTH_OF_FORM

POINTS_OF_DERIVATIVE = 4
"""Points in the derivative of the flow."""
ROUNDING_OF_FORM = 2e-14
"""Of the form, a step: 1e-14 was seen, of ten iterations of an implicit step and their derivatives."""


def measure(job: Job) -> Measurement:
    """For each symplectic integrator whose flow got to the end what it keeps; the energy where it ended, where not."""
    settings, problem = job.settings, setup(job.settings)
    shot, records = limit_of_setup(job, settings, problem, "trained"), []
    if shot.why:
        return Measurement([])
    kernel, q, P, depth = problem.kernel, problem.q0, shot.momenta[0], settings.depth
    still = unmoved(kernel, q, P)
    integrators = {**{scheme: INTEGRATORS[scheme] for scheme in ENERGY_INTEGRATORS}, EXPLICIT: ExplicitEuler()}
    for i, (scheme, integrator) in enumerate(integrators.items()):
        job.progress(i / len(integrators), scheme)
        where = {"of": "own", "scheme": scheme}
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
        if depth <= MAX_DEPTH_OF_FORM:
            defect = form_defect(integrator, kernel, q[:POINTS_OF_DERIVATIVE], P[:POINTS_OF_DERIVATIVE], depth)
            records.append(Record("form_defect", defect, reference_error=ROUNDING_OF_FORM * depth, coordinates=where))
    return Measurement(records)


def modified_drift(kernel: OperatorKernel, path: Trajectory) -> float:
    """Of symplectic Euler that is implicit in the momenta."""
    h, kept = 1 / (len(path.states) - 1), []
    for q, P, energy in zip(path.states, path.momenta, path.energy, strict=True):
        velocity, rate = kernel.at(q).both(P)
        kept.append(energy + h / 2 * (velocity * rate).sum())
    return float((torch.stack(kept) - kept[0]).abs().max() / path.energy[0])


def form_defect(integrator: Integrator, kernel: OperatorKernel, q: Tensor, P: Tensor, depth: int) -> float:
    """`|D^T J D - J|` of the flow of these points alone, the largest entry; positions and momenta in units of their
    sizes. Raises `Diverged`."""
    n = q.numel()
    units = torch.cat([torch.full((n,), root_mean_square(q)), torch.full((n,), root_mean_square(P))]).to(q)
    D = flow_derivative(integrator, kernel, q, P, depth) * units / units[:, None]
    J = torch.zeros_like(D)
    J[:n, n:] = torch.eye(n)
    J = J - J.T
    return float((D.T @ J @ D - J).abs().max())


def flow_derivative(
    integrator: Integrator, kernel: OperatorKernel, q: Float[Tensor, "n d"], P: Float[Tensor, "n d"], steps: int
) -> Float[Tensor, "m m"]:
    """`d(q(1), P(1))/d(q_0, P_0)`, m = 2 n d, step by step by autograd. Raises `Diverged`."""
    unit = torch.eye(2 * q.numel(), dtype=q.dtype)
    D = unit
    for _ in range(steps):
        start = (q.detach().requires_grad_(), P.detach().requires_grad_())
        q, P = integrator.step(kernel, *start, 1 / steps)
        rows = torch.autograd.grad(torch.cat([q.flatten(), P.flatten()]), start, unit, is_grads_batched=True)
        D = torch.cat([part.flatten(1) for part in rows], dim=1) @ D
    return D
