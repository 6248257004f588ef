"""Geodesic shooting: the initial momentum `P_0` whose path from `q_0` is stationary for `nu H + loss(q(1))`.

    G(P_0) = P(1) + (1/nu) dloss/dq(q(1)) = 0        or, where the points are to end in y,  G(P_0) = q(1) - y = 0

`P_0` is all there is to find, whatever the depth. From far away J(P_0) = nu H(q_0, P_0) + loss(q(1)) is lowered by
L-BFGS, with gradients carried back through the flow (`trajectory.pull_back_through_flow`); where features are fewer
than points, momenta that differ by what no feature sees give equal paths, and J is flat between them. `G` is not:
its zero is the costate of the path. So the momentum at the end is set to what the loss says, carried back along the
path, and polished by Newton's method on `G`, with the derivative of a coarse flow by RK4 that is kept while it
serves. A path that diverges is a result with its energy.

Source: Owhadi 2020, arXiv 2008.03920; Miller, Trouve & Younes 2006.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from scipy.optimize import minimize
from scipy.sparse.linalg import LinearOperator, gmres
from torch import Tensor

from ...errors import SettingError, one_of
from ...in_words import InWords
from .end_loss import EndLoss
from .integrators import INTEGRATORS, Diverged, Integrator
from .kernels.kernel import KernelAtPoints, OperatorKernel
from .trajectory import Trajectory, pull_back_through_flow, tangent_at_end, trajectory_from

MOST_UNKNOWNS_DENSE = 3000
"""Unknowns up to which the derivative of `G` is made as a matrix; above it GMRES takes its products, and where windows
share a filter: there so few weights move so many numbers that products are few."""
NUMBERS_A_BLOCK = 2**17
"""Numbers in the tangents that are carried along at a time, 1 MB: as many as a processor's cache holds."""
NEWTON_STEPS = 8
"""Steps of RK4 in the derivative of `G`, doubled where it does not serve: accuracy there costs more than a step."""
MOST_NEWTON_STEPS = 64
RELATIVE_RESIDUAL_OF_GMRES = 1e-3
"""Of a step by products: the derivative of a coarse flow tells no more."""
GOOD_DECREASE = 0.1
"""Factor by which a step lowers `|G|` while the derivative need not be made anew."""
MOST_NEWTON_ITERATIONS = 25
SHOOTING_TOLERANCE = 1e-11
"""Of `|G|`, relative to what it is relative to."""


@dataclass(frozen=True, repr=False)
class Shooting(InWords):
    """An initial momentum, its trajectory and how well it hits.

    `residual` is `|G|`, relative to `|P(1)|`, or to the way where the ends are given; `energy` is `H` at the start.
    `value` is `nu H + loss`, or `H`, the mean over the steps.
    `diverged` says in words how the path ended early, and `why` what else kept it from the tolerance.
    """

    momentum: Tensor
    trajectory: Trajectory
    value: float
    energy: float
    residual: float
    iterations: int
    converged: bool
    why: str

    def headline(self) -> str:
        """Whether it hit, and with which value."""
        points = f"momentum of {len(self.momentum)} points"
        return f"{points}, value {self.value:.6g}" if self.converged else f"{points}, not converged: {self.why}"

    def facts(self) -> dict[str, str]:
        """Residual, energy and iterations."""
        residual, energy = f"{self.residual:.1e}", f"{self.energy:.6g}"
        return {"residual": residual, "energy": energy, "iterations of Newton": str(self.iterations)}

    @property
    def diverged(self) -> str | None:
        return self.trajectory.diverged


@dataclass(frozen=True)
class Aim(ABC):
    """A kernel, the points `q` (n, d) that paths start from, and what is to vanish at their end, `G`."""

    kernel: OperatorKernel
    q: Float[Tensor, "n d"]

    @abstractmethod
    def residual(self, path: Trajectory) -> Tensor:
        """`G`."""

    @abstractmethod
    def variation(self, path: Trajectory) -> Callable[[Tensor, Tensor], Tensor]:
        """`(dq, dP) -> dG` of tangents (*b, n, d) at the end of the path."""

    @abstractmethod
    def size(self, path: Trajectory) -> float:
        """What `|G|` is relative to."""

    @abstractmethod
    def value(self, path: Trajectory) -> float:
        """What the path is stationary for; H is the mean of the trapezoidal rule over the steps (any of them, where it
        is kept)."""


@dataclass(frozen=True)
class Problem(Aim):
    """A kernel, points `q` (n, d), the weight `nu` of the energy, and the loss at the end."""

    nu: float
    loss: EndLoss

    @functools.cached_property
    def start(self) -> KernelAtPoints:
        """The kernel where all paths start."""
        return self.kernel.at(self.q)

    def residual(self, path: Trajectory) -> Tensor:
        q, P = path.end
        return P + self.loss.gradient(q) / self.nu

    def variation(self, path: Trajectory) -> Callable[[Tensor, Tensor], Tensor]:
        of = self.loss.hessian(path.end[0])
        return lambda dq, dP: dP + of(dq) / self.nu

    def size(self, path: Trajectory) -> float:
        return float(path.end[1].norm())

    def value(self, path: Trajectory) -> float:
        """`nu H + loss`."""
        return float(self.nu * _mean_energy(path) + self.loss.value(path.end[0]))


@dataclass(frozen=True)
class FixedEnds(Aim):
    """A kernel, points `q` (n, d) and where they are to end, `ends` (n, d): a loss that is 0 there, infinite
    elsewhere."""

    ends: Float[Tensor, "n d"]

    def residual(self, path: Trajectory) -> Tensor:
        return path.end[0] - self.ends

    def variation(self, path: Trajectory) -> Callable[[Tensor, Tensor], Tensor]:
        return lambda dq, dP: dq

    def size(self, path: Trajectory) -> float:
        return float((self.ends - self.q).norm())

    def value(self, path: Trajectory) -> float:
        """`H`."""
        return float(_mean_energy(path))


def _mean_energy(path: Trajectory) -> Tensor:
    return (path.energy[1:] + path.energy[:-1]).mean() / 2


def value_and_gradient(
    problem: Problem, P: Float[Tensor, "n d"], integrator: Integrator, steps: int
) -> tuple[float, Float[Tensor, "n d"]]:
    """`nu H(q_0, P_0) + loss(q(1))` and its gradient by `P_0`, carried back through the steps. Raises `Diverged`."""
    states, momenta = [problem.q], [P]
    for _ in range(steps - 1):
        q, p = integrator.step(problem.kernel, states[-1], momenta[-1], 1 / steps)
        states.append(q)
        momenta.append(p)
    # What the last step computes inside is at hand; of the others it is computed again.
    (end, _), back = integrator.last_step(problem.kernel, states[-1], momenta[-1], 1 / steps)
    g = problem.loss.gradient(end)
    by_state, by_momentum = back(g)
    del back
    _, by_momentum = pull_back_through_flow(
        problem.kernel, states, momenta, integrator, by_state, by_momentum, h=1 / steps
    )
    velocity = problem.start.velocity(P)
    value = problem.nu / 2 * (P * velocity).sum() + problem.loss.value(end)
    return float(value), problem.nu * velocity + by_momentum


def lowered_by_lbfgs(
    problem: Problem, integrator: Integrator, steps: int, start: Float[Tensor, "n d"] | None = None, *, iterations: int
) -> Float[Tensor, "n d"]:
    """Lower J by L-BFGS from `start` (zero if None); the costate at 0 of the best path found.

    A path that diverges counts as infinitely costly: the line search turns back from it.
    """
    shape = problem.q.shape
    first = torch.zeros_like(problem.q) if start is None else start
    last = np.zeros(first.numel())

    def objective(x: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal last
        try:
            value, gradient = value_and_gradient(problem, torch.from_numpy(x).reshape(shape), integrator, steps)
        except Diverged:
            return 1e10, last
        last = gradient.numpy().ravel()
        return value, last

    options = {"maxiter": iterations, "maxcor": 20, "ftol": 1e-15, "gtol": 1e-10 * problem.nu}
    end: Any = minimize(objective, first.numpy().ravel(), jac=True, method="L-BFGS-B", options=options)
    return costate(problem, torch.from_numpy(end.x).reshape(shape), integrator, steps)


def costate(problem: Problem, P: Float[Tensor, "n d"], integrator: Integrator, steps: int) -> Float[Tensor, "n d"]:
    """The momentum that the loss at the end of the path from `P` asks for, carried back along that path to time 0.

    `c' = -(dv/dq)^T c` along the velocity field `v = k(., q) P` of the path, which stays as it is.
    """
    path = trajectory_from(problem.kernel, problem.q, P, integrator, steps)
    if path.diverged:
        return P
    c, h = -problem.loss.gradient(path.end[0]) / problem.nu, 1 / steps

    def slope(s: int, c: Tensor) -> Tensor:
        return _carried(problem.kernel, path.states[s], path.momenta[s], c)

    for s in reversed(range(steps)):  # Heun, backwards
        first = slope(s + 1, c)
        c = c + h / 2 * (first + slope(s, c + h * first))
    return c


def _carried(kernel: OperatorKernel, q: Tensor, p: Tensor, c: Tensor) -> Tensor:
    """`(dv/dq_i)^T c_i` with `v = k(., q) p` held fixed, by autograd of the field at points that coincide with `q`."""
    x = q.detach().clone().requires_grad_()
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad((kernel.field(x, q, p) * c).sum(), x)
    return gradient


def shoot(
    problem: Aim,
    start: Float[Tensor, "n d"] | None = None,
    integrator: Integrator | str = "rk4",
    steps: int = 16,
    *,
    tolerance: float = SHOOTING_TOLERANCE,
    iterations: int = MOST_NEWTON_ITERATIONS,
) -> Shooting:
    """Newton's method on `G` from the momentum `start` (n, d), zero unless given; steps are halved while they do not
    lower `|G|`.

    `integrator` is one of `INTEGRATORS`, or its name; `steps` are those that it takes. Returns whatever was reached;
    `converged` and `why` say what. Raises `SettingError` for a name of none, and for what is no problem.

    >>> import resnet_limits as rl
    >>> import torch
    >>> points = torch.tensor([[-1.0, 0.0], [1.0, 0.0]], dtype=torch.float64)
    >>> loss = rl.Fixed(rl.SquareLoss(), torch.tensor([[1.0], [-1.0]]).double())  # of the last coordinate at the end
    >>> shot = rl.shoot(rl.Problem(rl.GaussianKernel(length=1.0), points, 0.1, loss))
    >>> shot.converged, shot.trajectory.end[0][:, 1].round(decimals=1).tolist()
    (True, [0.8, -0.8])
    """
    if not isinstance(problem, Aim):
        ways = "rl.Problem(kernel, points, nu, loss), or rl.FixedEnds(kernel, points, ends)"
        raise SettingError(f"shoot: expected {ways}, got {problem!r}")
    if isinstance(integrator, str):
        if integrator not in INTEGRATORS:
            raise SettingError(f"shoot: unknown integrator {one_of(integrator, INTEGRATORS)}")
        integrator = INTEGRATORS[integrator]
    P, why = torch.zeros_like(problem.q) if start is None else start, ""
    path = trajectory_from(problem.kernel, problem.q, P, integrator, steps)
    G = None if path.diverged else problem.residual(path)
    done, finer, solve = 0, NEWTON_STEPS, None
    while G is not None and done < iterations and float(G.norm()) > tolerance * problem.size(path):
        fresh, norm = solve is None, float(G.norm())
        try:
            solve = solve or _inverse(problem, P, path, finer)
            better = _line_search(problem, P, solve(G), norm, integrator, steps, full_only=not fresh)
        except (Diverged, np.linalg.LinAlgError, RuntimeError) as reason:
            why, better = f"no Newton step: {reason}".splitlines()[0], None
        done += 1
        if better is not None:
            P, path, G = better
            if float(G.norm()) > GOOD_DECREASE * norm:
                solve = None  # of a point too far away
        elif not fresh:
            solve = None
        elif finer < MOST_NEWTON_STEPS:
            solve, finer = None, 2 * finer
        else:
            why = why or "Newton's steps no longer lower the residual"
            break
    residual = float("inf") if G is None else float(G.norm()) / max(problem.size(path), 1e-300)
    energy = float(path.energy[0])
    if path.diverged:
        return Shooting(P, path, float("inf"), energy, residual, done, False, f"the path diverged {path.diverged}")
    # Rounding ends it: a residual near the tolerance that falls no further is reached.
    converged = residual <= 100 * tolerance
    if not converged:
        why = f"the residual is {residual:.1e}, above {tolerance:.0e}" + (f" ({why})" if why else "")
    return Shooting(P, path, problem.value(path), energy, residual, done, converged, "" if converged else why)


def _line_search(
    problem: Aim, P: Tensor, step: Tensor, norm: float, integrator: Integrator, steps: int, *, full_only: bool
) -> tuple[Tensor, Trajectory, Tensor] | None:
    """The first of `P - step`, `P - step/2`, ... that lowers `|G|`; None where none does."""
    scale = 1.0
    while scale > (0.9 if full_only else 1e-2):
        ahead = P - scale * step
        path = trajectory_from(problem.kernel, problem.q, ahead, integrator, steps)
        if not path.diverged:
            G = problem.residual(path)
            if float(G.norm()) < norm:
                return ahead, path, G
        scale /= 2
    return None


def _inverse(problem: Aim, P: Tensor, path: Trajectory, steps: int) -> Callable[[Tensor], Tensor]:
    """`G -> (dG/dP_0)^{-1} G`, the derivative by so many steps of RK4."""
    varied = problem.variation(path)
    integrator, zero = INTEGRATORS["rk4"], torch.zeros_like(P)

    def product(v: Tensor) -> Tensor:
        """`dG` along `v` (*b, n, d)."""
        u, w = tangent_at_end(problem.kernel, problem.q, P, integrator, steps, zero.expand_as(v), v)
        return varied(u, w)

    n = P.numel()
    if n > MOST_UNKNOWNS_DENSE or not problem.kernel.scalar:
        return lambda G: _krylov(product, G)
    unit = torch.eye(n, dtype=P.dtype).reshape(n, *P.shape)
    columns = torch.cat([product(directions) for directions in unit.split(max(1, NUMBERS_A_BLOCK // n))])
    factors = torch.linalg.lu_factor(columns.reshape(n, n).T)
    return lambda G: torch.linalg.lu_solve(*factors, G.reshape(n, 1)).reshape(P.shape)


def _krylov(product: Callable[[Tensor], Tensor], G: Tensor) -> Tensor:
    n = G.numel()
    matvec = lambda v: product(torch.from_numpy(v).reshape(G.shape)).numpy().ravel()  # noqa: E731
    operator: Any = LinearOperator((n, n), matvec=matvec, dtype=np.float64)  # pyright: ignore
    solution, _ = gmres(operator, G.numpy().ravel(), rtol=RELATIVE_RESIDUAL_OF_GMRES, restart=60, maxiter=3)
    return torch.from_numpy(solution).reshape(G.shape)
