"""Geodesics between given points, and their Jacobi fields `D(t) = dq(t)/dP_0`.

    q(1; P_0) = y                       Newton's method on P_0, with D(1)
    D(t) = t Gamma(q_0, q_0) + ..       the first t where D(t) is singular is conjugate to 0

Up to the first conjugate time a geodesic is a strict local minimum of the path energy between its ends; beyond it there
is less. Source: Milnor, Morse theory, 1963, sections 14 and 15.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from .integrators import Diverged, Integrator
from .kernels.kernel import OperatorKernel

MOST_STEPS_OF_JOINING = 40
RELATIVE_MISS = 1e-12
"""How far from `y` a geodesic may end, relative to the way."""
SHORTEST_STEP_OF_JOINING = 1e-3
"""Fraction of Newton's step below which none lowers the miss."""


@dataclass(frozen=True)
class Geodesic:
    """Momentum `P_0` (n, d), states (steps + 1, n, d) at the times `s/steps`, Jacobi fields (steps, nd, nd) at
    those after 0, and `path_energy`, which is `2 H`."""

    momentum: Tensor
    states: Tensor
    fields: Tensor
    path_energy: float


def geodesic(
    kernel: OperatorKernel, q: Float[Tensor, "n d"], P: Float[Tensor, "n d"], integrator: Integrator, steps: int
) -> Geodesic:
    """The geodesic from `q` with momentum `P`. Raises `Diverged`."""
    n, momentum, states, fields = P.numel(), P, [q], []
    path_energy = 2 * float(kernel.at(q).energy(P))
    u, v = P.new_zeros(n, *P.shape), torch.eye(n, dtype=P.dtype).reshape(n, *P.shape)
    for _ in range(steps):
        (q, P), (u, v) = integrator.tangent(kernel, q, P, 1 / steps, u, v)
        states.append(q)
        fields.append(u.reshape(n, n).T)
    return Geodesic(momentum, torch.stack(states), torch.stack(fields), path_energy)


def geodesic_to(
    kernel: OperatorKernel,
    q: Float[Tensor, "n d"],
    end: Float[Tensor, "n d"],
    P: Float[Tensor, "n d"],
    integrator: Integrator,
    steps: int,
) -> Geodesic:
    """The geodesic from `q` to `end` that Newton's method finds from the momentum `P`; steps are halved while they do
    not come nearer. Raises `Diverged` where it does not arrive."""
    path = geodesic(kernel, q, P, integrator, steps)
    for _ in range(MOST_STEPS_OF_JOINING):
        miss = path.states[-1] - end
        if float(miss.norm()) <= RELATIVE_MISS * float((end - q).norm()):
            return path
        path = _nearer(kernel, path, end, integrator, steps)
    raise Diverged(f"no geodesic was found in {MOST_STEPS_OF_JOINING} Newton steps")


def _nearer(kernel: OperatorKernel, path: Geodesic, end: Tensor, integrator: Integrator, steps: int) -> Geodesic:
    miss = path.states[-1] - end
    step, scale = torch.linalg.solve(path.fields[-1], miss.flatten()).reshape(miss.shape), 1.0
    while scale > SHORTEST_STEP_OF_JOINING:
        try:
            ahead = geodesic(kernel, path.states[0], path.momentum - scale * step, integrator, steps)
        except Diverged:
            ahead = None
        if ahead is not None and float((ahead.states[-1] - end).norm()) < float(miss.norm()):
            return ahead
        scale /= 2
    raise Diverged("Newton's steps no longer come nearer to the end")


def conjugate_margin(kernel: OperatorKernel, path: Geodesic) -> float:
    """The least singular value of `(t Gamma(q_0, q_0))^{-1} D(t)` over the times, which starts from 1; negative where
    the determinant has changed its sign."""
    q, d = path.states[0], path.momentum.shape[1]
    K = torch.kron(kernel.matrix(q, q), torch.eye(d, dtype=q.dtype))
    times = torch.arange(1, len(path.fields) + 1, dtype=K.dtype) / len(path.fields)
    relative = torch.linalg.solve(K, path.fields / times[:, None, None])
    least = torch.linalg.svdvals(relative)[:, -1]
    return float((least * torch.linalg.det(relative).sign()).min())
