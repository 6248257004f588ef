"""Integrators of `q' = dH/dP, P' = -dH/dq`, each with the derivative of a step and its transpose.

    symplectic Euler   P+ = P - h H_q(q, P+),      q+ = q + h H_P(q, P+)                                  order 1
    conjugate Euler    q+ = q + h H_P(q+, P),      P+ = P - h H_q(q+, P)                                  order 1
    leapfrog           symplectic Euler over h/2, then conjugate Euler over h/2 (Stormer-Verlet)          order 2
    midpoint           z+ = z + h J grad H((z + z+)/2)                                                    order 2
    rk4                the classical explicit method, not symplectic                                      order 4
    explicit Euler     q+ = q + h H_P(q, P),       P+ = P - h H_q(q, P), not symplectic                   order 1

`H` is not separable, so the symplectic ones are implicit; their equations, and those of the derivatives, are solved by
fixed-point iteration, a contraction where `h |H_qP| < 1`. Source: Hairer, Lubich & Wanner, Geometric numerical
integration, 2006, chapters VI and VIII.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .kernels.kernel import KernelAtPoints, OperatorKernel

MOST_FIXED_POINT_ITERATIONS = 200
RELATIVE_CHANGE_AT_REST = 4e-16
"""Relative change at which an iteration has come to rest."""
Pair = tuple[Tensor, Tensor]


class Diverged(ArithmeticError):
    """A state is not finite, or the equation of an implicit step has no solution that iteration finds."""


class Integrator(ABC):
    """One step of length `h` from `(q, P)`, its derivative along `(u, v)`, and the transpose of the derivative."""

    order: int

    @abstractmethod
    def step(self, kernel: OperatorKernel, q: Tensor, P: Tensor, h: float) -> Pair:
        """`(q+, P+)`. Raises `Diverged`."""

    @abstractmethod
    def tangent(
        self, kernel: OperatorKernel, q: Tensor, P: Tensor, h: float, u: Tensor, v: Tensor
    ) -> tuple[Pair, Pair]:
        """`(q+, P+)` and the tangent `(u+, v+)`; tangents may have further dimensions in front."""

    @abstractmethod
    def pull_back(self, kernel: OperatorKernel, q: Tensor, P: Tensor, h: float, a: Tensor, b: Tensor) -> Pair:
        """Gradients by `(q, P)` from the gradients `(a, b)` by `(q+, P+)`."""

    def last_step(
        self, kernel: OperatorKernel, q: Tensor, P: Tensor, h: float
    ) -> tuple[Pair, Callable[[Tensor], Pair]]:
        """`(q+, P+)` and `a -> pull_back(.., a, 0)`, which may keep what the step computed inside.

        Of the last step, behind which only the states matter.
        """
        return self.step(kernel, q, P, h), lambda a: self.pull_back(kernel, q, P, h, a, torch.zeros_like(a))


def fixed_point(of: Callable[[Tensor], Tensor], start: Tensor) -> Tensor:
    """`x = of(x)` by iteration, to rounding. Raises `Diverged` where it does not contract."""
    x, last = start, float("inf")
    for _ in range(MOST_FIXED_POINT_ITERATIONS):
        new = of(x)
        change, size = float((new - x).detach().abs().max()), float(new.detach().abs().max())
        if not size < 1e100:  # nan too
            break
        x, rate = new, change / last if last < float("inf") else 1.0
        # At rest, or the next change would be below rounding, or as near as rounding allows: the change stays.
        if change <= RELATIVE_CHANGE_AT_REST * size or (rate < 0.5 and change * rate <= RELATIVE_CHANGE_AT_REST * size):
            return x
        if change <= 1e-13 * size and rate >= 0.5:
            return x
        last = change
    raise Diverged("the equation of an implicit step was not solved: take more steps")


def flow(kernel: OperatorKernel, q: Tensor, P: Tensor) -> Pair:
    """`(dH/dP, -dH/dq)`."""
    return kernel.at(q).both(P)


def transposed(at: KernelAtPoints, P: Tensor, a: Tensor, b: Tensor) -> Pair:
    """The transpose of the derivative of the flow applied to `(a, b)`: `S J^T`, `S` the Hessian of `H`."""
    first, second = at.tangent(P, -b, a)
    return -second, first


@dataclass(frozen=True)
class SymplecticEuler(Integrator):
    """Implicit in the momenta: the recursion of a trained network."""

    order: int = 1

    def step(self, kernel: OperatorKernel, q: Tensor, P: Tensor, h: float) -> Pair:
        at = kernel.at(q).keep()
        new = fixed_point(lambda p: P + h * at.rate(p), P)
        return q + h * at.velocity(new), new

    def tangent(
        self, kernel: OperatorKernel, q: Tensor, P: Tensor, h: float, u: Tensor, v: Tensor
    ) -> tuple[Pair, Pair]:
        (q_new, P_new), at = self.step(kernel, q, P, h), kernel.at(q).keep()
        dP = fixed_point(lambda w: v + h * at.tangent(P_new, u, w)[1], v)
        return (q_new, P_new), (u + h * at.tangent(P_new, u, dP)[0], dP)

    def pull_back(self, kernel: OperatorKernel, q: Tensor, P: Tensor, h: float, a: Tensor, b: Tensor) -> Pair:
        at, zero = kernel.at(q).keep(), torch.zeros_like(a)
        P_new = fixed_point(lambda p: P + h * at.rate(p), P)
        first, second = at.tangent(P_new, zero, a)
        right = b + h * first
        c = fixed_point(lambda w: right - h * at.tangent(P_new, w, zero)[0], right)
        return a - h * second + h * at.tangent(P_new, c, zero)[1], c


@dataclass(frozen=True)
class ConjugateEuler(Integrator):
    """Implicit in the states: the adjoint of symplectic Euler."""

    order: int = 1

    def step(self, kernel: OperatorKernel, q: Tensor, P: Tensor, h: float) -> Pair:
        new = fixed_point(lambda x: q + h * kernel.at(x).velocity(P), q)
        return new, P + h * kernel.at(new).rate(P)

    def tangent(
        self, kernel: OperatorKernel, q: Tensor, P: Tensor, h: float, u: Tensor, v: Tensor
    ) -> tuple[Pair, Pair]:
        new = self.step(kernel, q, P, h)
        at = kernel.at(new[0]).keep()
        dq = fixed_point(lambda w: u + h * at.tangent(P, w, v)[0], u)
        return new, (dq, v + h * at.tangent(P, dq, v)[1])

    def pull_back(self, kernel: OperatorKernel, q: Tensor, P: Tensor, h: float, a: Tensor, b: Tensor) -> Pair:
        at, zero = kernel.at(self.step(kernel, q, P, h)[0]).keep(), torch.zeros_like(a)
        first, second = at.tangent(P, b, zero)
        right = a + h * second
        c = fixed_point(lambda w: right - h * at.tangent(P, zero, w)[1], right)
        return c, b - h * first + h * at.tangent(P, zero, c)[0]


@dataclass(frozen=True)
class Leapfrog(Integrator):
    """Stormer-Verlet: two half steps that are each other's adjoint."""

    order: int = 2

    def step(self, kernel: OperatorKernel, q: Tensor, P: Tensor, h: float) -> Pair:
        return _CONJUGATE.step(kernel, *_EULER.step(kernel, q, P, h / 2), h / 2)

    def tangent(
        self, kernel: OperatorKernel, q: Tensor, P: Tensor, h: float, u: Tensor, v: Tensor
    ) -> tuple[Pair, Pair]:
        middle, (du, dv) = _EULER.tangent(kernel, q, P, h / 2, u, v)
        return _CONJUGATE.tangent(kernel, *middle, h / 2, du, dv)

    def pull_back(self, kernel: OperatorKernel, q: Tensor, P: Tensor, h: float, a: Tensor, b: Tensor) -> Pair:
        middle = _EULER.step(kernel, q, P, h / 2)
        return _EULER.pull_back(kernel, q, P, h / 2, *_CONJUGATE.pull_back(kernel, *middle, h / 2, a, b))


@dataclass(frozen=True)
class Midpoint(Integrator):
    """The implicit midpoint rule: symmetric, symplectic."""

    order: int = 2

    def _middle(self, kernel: OperatorKernel, q: Tensor, P: Tensor, h: float) -> Tensor:
        z = torch.stack([q, P])
        return fixed_point(lambda m: z + h / 2 * torch.stack(flow(kernel, m[0], m[1])), z)

    def step(self, kernel: OperatorKernel, q: Tensor, P: Tensor, h: float) -> Pair:
        middle = self._middle(kernel, q, P, h)
        return 2 * middle[0] - q, 2 * middle[1] - P

    def tangent(
        self, kernel: OperatorKernel, q: Tensor, P: Tensor, h: float, u: Tensor, v: Tensor
    ) -> tuple[Pair, Pair]:
        middle = self._middle(kernel, q, P, h)
        at, w = kernel.at(middle[0]).keep(), torch.stack([u, v])
        dm = fixed_point(lambda m: w + h / 2 * torch.stack(at.tangent(middle[1], m[0], m[1])), w)
        return (2 * middle[0] - q, 2 * middle[1] - P), (2 * dm[0] - u, 2 * dm[1] - v)

    def pull_back(self, kernel: OperatorKernel, q: Tensor, P: Tensor, h: float, a: Tensor, b: Tensor) -> Pair:
        middle = self._middle(kernel, q, P, h)
        at, w = kernel.at(middle[0]).keep(), torch.stack([a, b])
        c = fixed_point(lambda m: w + h / 2 * torch.stack(transposed(at, middle[1], m[0], m[1])), w)
        return 2 * c[0] - a, 2 * c[1] - b


@dataclass(frozen=True)
class RungeKutta(Integrator):
    """The classical method of order 4: explicit, the reference where energies are followed accurately."""

    order: int = 4

    def step(self, kernel: OperatorKernel, q: Tensor, P: Tensor, h: float) -> Pair:
        slopes, x, y = [], q, P
        for ahead in (h / 2, h / 2, h):
            slopes.append(flow(kernel, x, y))
            x, y = _ahead(q, P, ahead, slopes[-1])
        return self._sum(q, P, h, [*slopes, flow(kernel, x, y)])

    def _sum(self, q: Tensor, P: Tensor, h: float, slopes: Sequence[Pair]) -> Pair:
        """The step from the slopes of its stages. Raises `Diverged`."""
        q, P = _ahead(q, P, h / 6, slopes[0])
        for slope, weight in zip(slopes[1:], (2, 2, 1), strict=True):
            q.add_(slope[0], alpha=weight * h / 6)
            P.add_(slope[1], alpha=weight * h / 6)
        if not math.isfinite(float(q.sum() + P.sum())):  # one pass over each
            raise Diverged("the states are not finite")
        return q, P

    def tangent(
        self, kernel: OperatorKernel, q: Tensor, P: Tensor, h: float, u: Tensor, v: Tensor
    ) -> tuple[Pair, Pair]:
        x, y, du, dv = q, P, u, v
        sums = [torch.zeros_like(t) for t in (q, P, u, v)]
        for stage, (weight, ahead) in enumerate(((1, h / 2), (2, h / 2), (2, h), (1, 0.0))):
            at = kernel.at(x)
            slopes = (at.velocity(y), at.rate(y), *at.tangent(y, du, dv))
            sums = [total + weight * slope for total, slope in zip(sums, slopes, strict=True)]
            if stage < 3:
                x, y, du, dv = (t + ahead * slope for t, slope in zip((q, P, u, v), slopes, strict=True))
        q_new, P_new, u_new, v_new = (t + h / 6 * total for t, total in zip((q, P, u, v), sums, strict=True))
        if not bool(torch.isfinite(q_new).all() & torch.isfinite(P_new).all()):
            raise Diverged("the states are not finite")
        return (q_new, P_new), (u_new, v_new)

    def pull_back(self, kernel: OperatorKernel, q: Tensor, P: Tensor, h: float, a: Tensor, b: Tensor) -> Pair:
        stages, _, x, y = self._stages(kernel, q, P, h)
        return self._back([*stages, (kernel.at(x), y)], h, a, b)

    def last_step(
        self, kernel: OperatorKernel, q: Tensor, P: Tensor, h: float
    ) -> tuple[Pair, Callable[[Tensor], Pair]]:
        stages, slopes, x, y = self._stages(kernel, q, P, h)
        last = kernel.at(x)
        new = self._sum(q, P, h, [*slopes, last.both(y)])
        return new, lambda a: self._back([*stages, (last, y)], h, a, None)

    def _stages(
        self, kernel: OperatorKernel, q: Tensor, P: Tensor, h: float
    ) -> tuple[list[tuple[KernelAtPoints, Tensor]], list[Pair], Tensor, Tensor]:
        """Three stages, kept, with their slopes, and where the last one is."""
        stages, slopes, x, y = [], [], q, P
        for ahead in (h / 2, h / 2, h):
            stages.append((kernel.at(x).keep(), y))
            slopes.append(stages[-1][0].both(y))
            x, y = _ahead(q, P, ahead, slopes[-1])
        return stages, slopes, x, y

    def _back(self, stages: Sequence[tuple[KernelAtPoints, Tensor]], h: float, a: Tensor, b: Tensor | None) -> Pair:
        into_q, into_P = a.clone(), torch.zeros_like(a) if b is None else b.clone()
        carried: Pair | None = None
        for (at, y), weight, ahead in zip(stages[::-1], (1, 2, 2, 1), (0.0, h, h / 2, h / 2), strict=True):
            # The gradient by the slope of this stage, from the sum and from the next stage's place; signs as in
            # `transposed`.
            by_velocity = weight * h / 6 * a
            minus_by_rate = None if b is None else -weight * h / 6 * b
            if carried is not None:
                first, second = carried
                by_velocity.sub_(second, alpha=ahead)
                minus_by_rate = -ahead * first if minus_by_rate is None else minus_by_rate.sub_(first, alpha=ahead)
            if minus_by_rate is None:
                carried = at.tangent_of_momenta(y, by_velocity)
            else:
                carried = at.tangent(y, minus_by_rate, by_velocity)
            into_q.sub_(carried[1])
            into_P.add_(carried[0])
        return into_q, into_P


@dataclass(frozen=True)
class ExplicitEuler(Integrator):
    """Of the order of symplectic Euler, in the energy too; what it does not keep is the symplectic form."""

    order: int = 1

    def step(self, kernel: OperatorKernel, q: Tensor, P: Tensor, h: float) -> Pair:
        return _ahead(q, P, h, flow(kernel, q, P))

    def tangent(
        self, kernel: OperatorKernel, q: Tensor, P: Tensor, h: float, u: Tensor, v: Tensor
    ) -> tuple[Pair, Pair]:
        return self.step(kernel, q, P, h), _ahead(u, v, h, kernel.at(q).tangent(P, u, v))

    def pull_back(self, kernel: OperatorKernel, q: Tensor, P: Tensor, h: float, a: Tensor, b: Tensor) -> Pair:
        return _ahead(a, b, h, transposed(kernel.at(q), P, a, b))


def _ahead(q: Tensor, P: Tensor, h: float, slope: Pair) -> Pair:
    return torch.add(q, slope[0], alpha=h), torch.add(P, slope[1], alpha=h)


_EULER, _CONJUGATE = SymplecticEuler(), ConjugateEuler()
INTEGRATORS: dict[str, Integrator] = {
    "symplectic_euler": _EULER,
    "leapfrog": Leapfrog(),
    "midpoint": Midpoint(),
    "rk4": RungeKutta(),
}
"""By the name of the key `hamiltonian.integrator`."""
