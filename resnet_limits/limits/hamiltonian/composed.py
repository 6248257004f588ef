"""Blocks that follow a Hamiltonian flow each, with an affine map of features between one and the next.

    J = sum_b nu_b H_b + ridge/2 sum_b |V_b|^2 + loss(q_B(1)),      q_{b+1}(0) = V_b f(q_b(1))

`H_b` is the energy of block b, `P_b` its momenta in units of its own `nu_b`. Where J is stationary, in the weights of
each block, in each `V_b`, and in the states between them,

    V_b = (nu_{b+1}/ridge) sum_j P_{j,b+1}(0) f(q_{j,b}(1))^T
    nu_b P_b(1) = nu_{b+1} (V_b Df(q_b(1)))^T P_{b+1}(0),      nu_B P_B(1) = -dloss/dq

so that the affine map is one step of the kernel by the momenta behind it: it moves points by `(nu/ridge) dH/dP` and
momenta by its derivative. The unknowns are the momenta `P_b(0)` of all blocks, found by Newton's method (multiple
shooting). Energies are conserved in each block, and not from one to the next: in units that a junction of other decays
alone keeps, where `nu_b P_b = -dJ/dq` is the same on both sides, they are `nu_b^2 H_b`. Source: Owhadi 2020, arXiv
2008.03920 (idea formation); the conditions between blocks are derived as above.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from .end_loss import EndLoss
from .integrators import Diverged, Integrator
from .kernels.kernel import OperatorKernel
from .shooting import MOST_NEWTON_ITERATIONS, SHOOTING_TOLERANCE
from .trajectory import Trajectory, tangent_at_end, trajectory_from

MIN_FRACTION_OF_STEP_TOGETHER = 1e-2
"""Of a Newton step, below which it lowers nothing."""


@dataclass(frozen=True)
class ComposedProblem:
    """A kernel, points `q` (n, d), a weight of the energy for each block, that of the affine maps, and the loss."""

    kernel: OperatorKernel
    q: Float[Tensor, "n d"]
    nus: tuple[float, ...]
    ridge: float
    loss: EndLoss

    def paths(self, P: Float[Tensor, "b n d"], integrator: Integrator, steps: int) -> list[Trajectory]:
        """The flow of each block, from the initial momenta of each. Raises `Diverged`."""
        paths, q = [], self.q
        for b, momenta in enumerate(P):
            if b:
                q = self.nus[b] / self.ridge * self.kernel.at(q).velocity(momenta)
            paths.append(trajectory_from(self.kernel, q, momenta, integrator, steps))
            if paths[-1].diverged:
                raise Diverged(f"block {b + 1}: {paths[-1].diverged}")
            q = paths[-1].end[0]
        return paths

    def missed(self, P: Float[Tensor, "b n d"], paths: Sequence[Trajectory]) -> Float[Tensor, "b n d"]:
        """What the momenta at the end of each block are off by from what is behind them."""
        off = []
        for b, path in enumerate(paths):
            q, end = path.end
            last = b + 1 == len(paths)
            off.append(end + (self.loss.gradient(q) / self.nus[b] if last else self._pull(b) * self._rate(q, P[b + 1])))
        return torch.stack(off)

    def _pull(self, b: int) -> float:
        """`nu_{b+1}^2/(nu_b ridge)`."""
        return self.nus[b + 1] ** 2 / (self.nus[b] * self.ridge)

    def _rate(self, q: Tensor, P: Tensor) -> Tensor:
        return self.kernel.at(q).rate(P)

    def derivative(
        self, P: Float[Tensor, "b n d"], paths: Sequence[Trajectory], integrator: Integrator, steps: int
    ) -> Float[Tensor, "m m"]:
        """Of `missed` by `P`, m = b n d. Raises `Diverged`."""
        unit = torch.eye(P.numel(), dtype=P.dtype).reshape(-1, *P.shape)
        u, rows = torch.zeros_like(unit[:, 0]), []
        for b, path in enumerate(paths):
            u, v = tangent_at_end(self.kernel, path.states[0], P[b], integrator, steps, u, unit[:, b])
            q = path.end[0]
            if b + 1 == len(paths):
                rows.append(v + self.loss.hessian(q)(u) / self.nus[b])
            else:
                along, pulled = self.kernel.at(q).tangent(P[b + 1], u, unit[:, b + 1])
                rows.append(v + self._pull(b) * pulled)
                u = self.nus[b + 1] / self.ridge * along
        return torch.stack(rows, dim=1).flatten(1).T

    def value(self, P: Float[Tensor, "b n d"], paths: Sequence[Trajectory]) -> float:
        """`sum_b nu_b H_b + ridge/2 sum_b |V_b|^2 + loss`."""
        flows = sum(nu * float(path.energy[0]) for nu, path in zip(self.nus, paths, strict=True))
        maps = sum(
            self.nus[b + 1] ** 2 / self.ridge * float(self.kernel.at(path.end[0]).energy(P[b + 1]))
            for b, path in enumerate(paths[:-1])
        )
        return flows + maps + float(self.loss.value(paths[-1].end[0]))


@dataclass(frozen=True)
class ComposedShooting:
    """Initial momenta of all blocks (b, n, d), their value, and what is missed, relative to the momenta.

    `why` says in words what kept it from the tolerance, and is empty where nothing did.
    """

    momenta: Tensor
    value: float
    residual: float
    why: str


def shoot_composed(
    problem: ComposedProblem, P: Float[Tensor, "b n d"], integrator: Integrator, steps: int
) -> ComposedShooting:
    """Newton's method from `P`, each block followed by so many steps. What diverges from the start is said in `why`."""
    try:
        paths = problem.paths(P, integrator, steps)
    except Diverged as reason:
        return ComposedShooting(P, float("nan"), float("inf"), str(reason))
    why = ""
    for _ in range(MOST_NEWTON_ITERATIONS):
        off = problem.missed(P, paths)
        if float(off.norm()) <= SHOOTING_TOLERANCE * float(P.norm()):
            break
        step = torch.linalg.solve(problem.derivative(P, paths, integrator, steps), off.flatten()).reshape(P.shape)
        better = _line_search(problem, P, step, float(off.norm()), integrator, steps)
        if better is None:
            why = "Newton's steps no longer lower the residual"
            break
        P, paths = better
    residual = float(problem.missed(P, paths).norm() / P.norm().clamp(min=1e-300))
    # Rounding ends it: a residual near the tolerance that falls no further is reached.
    why = "" if residual <= 100 * SHOOTING_TOLERANCE else why or f"the residual is {residual:.1e}"
    return ComposedShooting(P, problem.value(P, paths), residual, why)


def _line_search(
    problem: ComposedProblem, P: Tensor, step: Tensor, norm: float, integrator: Integrator, steps: int
) -> tuple[Tensor, list[Trajectory]] | None:
    """The first of `P - step`, `P - step/2`, ... that misses by less; None where none does."""
    scale = 1.0
    while scale > MIN_FRACTION_OF_STEP_TOGETHER:
        ahead = P - scale * step
        try:
            paths = problem.paths(ahead, integrator, steps)
        except Diverged:
            paths = None
        if paths is not None and float(problem.missed(ahead, paths).norm()) < norm:
            return ahead, paths
        scale /= 2
    return None
