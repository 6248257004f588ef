"""Integrators of `q' = dH/dP, P' = -dH/dq`, each with the derivative of a step and its transpose.

    symplectic Euler   P+ = P - h H_q(q, P+),      q+ = q + h H_P(q, P+)                                  order 1
    conjugate Euler    q+ = q + h H_P(q+, P),      P+ = P - h H_q(q+, P)                                  order 1
    leapfrog           symplectic Euler over h/2, then conjugate Euler over h/2 (Stormer-Verlet)          order 2
    midpoint           z+ = z + h J grad H((z + z+)/2)                                                    order 2
    rk4                the classical explicit method, not symplectic                                      order 4

`H` is not separable, so the symplectic ones are implicit; their equations, and those of the derivatives, are solved by
fixed-point iteration, a contraction where `h |H_qP| < 1`. Source: Hairer, Lubich & Wanner, Geometric numerical
integration, 2006, chapters VI and VIII.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .kernel import At, Kernel

MOST_ITERATIONS = 200
ROUNDING = 4e-16
"""Relative change at which an iteration has come to rest."""
Pair = tuple[Tensor, Tensor]


class Diverged(ArithmeticError):
    """A state is not finite, or the equation of an implicit step has no solution that iteration finds."""


class Integrator(ABC):
    """One step of length `h` from `(q, P)`, its derivative along `(u, v)`, and the transpose of the derivative."""

    order: int

    @abstractmethod
    def step(self, kernel: Kernel, q: Tensor, P: Tensor, h: float) -> Pair:
        """`(q+, P+)`. Raises `Diverged`."""

    @abstractmethod
    def tangent(self, kernel: Kernel, q: Tensor, P: Tensor, h: float, u: Tensor, v: Tensor) -> tuple[Pair, Pair]:
        """`(q+, P+)` and the tangent `(u+, v+)`; tangents may have further dimensions in front."""

    @abstractmethod
    def pull_back(self, kernel: Kernel, q: Tensor, P: Tensor, h: float, a: Tensor, b: Tensor) -> Pair:
        """Gradients by `(q, P)` from the gradients `(a, b)` by `(q+, P+)`."""


def fixed_point(of: Callable[[Tensor], Tensor], start: Tensor) -> Tensor:
    """`x = of(x)` by iteration, to rounding. Raises `Diverged` where it does not contract."""
    x, last = start, float("inf")
    for _ in range(MOST_ITERATIONS):
        new = of(x)
        change, size = float((new - x).abs().max()), float(new.abs().max())
        if not size < 1e100:  # nan too
            break
        x, rate = new, change / last if last < float("inf") else 1.0
        # At rest, or the next change would be below rounding, or as near as rounding allows: the change stays.
        if change <= ROUNDING * size or (rate < 0.5 and change * rate <= ROUNDING * size):
            return x
        if change <= 1e-13 * size and rate >= 0.5:
            return x
        last = change
    raise Diverged("the equation of an implicit step was not solved: take more steps")


def flow(kernel: Kernel, q: Tensor, P: Tensor) -> Pair:
    """`(dH/dP, -dH/dq)`."""
    return kernel.at(q).both(P)


def transposed(at: At, P: Tensor, a: Tensor, b: Tensor) -> Pair:
    """The transpose of the derivative of the flow applied to `(a, b)`: `S J^T`, `S` the Hessian of `H`."""
    first, second = at.tangent(P, -b, a)
    return -second, first


@dataclass(frozen=True)
class SymplecticEuler(Integrator):
    """Implicit in the momenta: the recursion of a trained network."""

    order: int = 1

    def step(self, kernel: Kernel, q: Tensor, P: Tensor, h: float) -> Pair:
        at = kernel.at(q).keep()
        new = fixed_point(lambda p: P + h * at.rate(p), P)
        return q + h * at.velocity(new), new

    def tangent(self, kernel: Kernel, q: Tensor, P: Tensor, h: float, u: Tensor, v: Tensor) -> tuple[Pair, Pair]:
        (q_new, P_new), at = self.step(kernel, q, P, h), kernel.at(q).keep()
        dP = fixed_point(lambda w: v + h * at.tangent(P_new, u, w)[1], v)
        return (q_new, P_new), (u + h * at.tangent(P_new, u, dP)[0], dP)

    def pull_back(self, kernel: Kernel, q: Tensor, P: Tensor, h: float, a: Tensor, b: Tensor) -> Pair:
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

    def step(self, kernel: Kernel, q: Tensor, P: Tensor, h: float) -> Pair:
        new = fixed_point(lambda x: q + h * kernel.at(x).velocity(P), q)
        return new, P + h * kernel.at(new).rate(P)

    def tangent(self, kernel: Kernel, q: Tensor, P: Tensor, h: float, u: Tensor, v: Tensor) -> tuple[Pair, Pair]:
        new = self.step(kernel, q, P, h)
        at = kernel.at(new[0]).keep()
        dq = fixed_point(lambda w: u + h * at.tangent(P, w, v)[0], u)
        return new, (dq, v + h * at.tangent(P, dq, v)[1])

    def pull_back(self, kernel: Kernel, q: Tensor, P: Tensor, h: float, a: Tensor, b: Tensor) -> Pair:
        at, zero = kernel.at(self.step(kernel, q, P, h)[0]).keep(), torch.zeros_like(a)
        first, second = at.tangent(P, b, zero)
        right = a + h * second
        c = fixed_point(lambda w: right - h * at.tangent(P, zero, w)[1], right)
        return c, b - h * first + h * at.tangent(P, zero, c)[0]


@dataclass(frozen=True)
class Leapfrog(Integrator):
    """Stormer-Verlet: two half steps that are each other's adjoint."""

    order: int = 2

    def step(self, kernel: Kernel, q: Tensor, P: Tensor, h: float) -> Pair:
        return _CONJUGATE.step(kernel, *_EULER.step(kernel, q, P, h / 2), h / 2)

    def tangent(self, kernel: Kernel, q: Tensor, P: Tensor, h: float, u: Tensor, v: Tensor) -> tuple[Pair, Pair]:
        middle, (du, dv) = _EULER.tangent(kernel, q, P, h / 2, u, v)
        return _CONJUGATE.tangent(kernel, *middle, h / 2, du, dv)

    def pull_back(self, kernel: Kernel, q: Tensor, P: Tensor, h: float, a: Tensor, b: Tensor) -> Pair:
        middle = _EULER.step(kernel, q, P, h / 2)
        return _EULER.pull_back(kernel, q, P, h / 2, *_CONJUGATE.pull_back(kernel, *middle, h / 2, a, b))


@dataclass(frozen=True)
class Midpoint(Integrator):
    """The implicit midpoint rule: symmetric, symplectic."""

    order: int = 2

    def _middle(self, kernel: Kernel, q: Tensor, P: Tensor, h: float) -> Tensor:
        z = torch.stack([q, P])
        return fixed_point(lambda m: z + h / 2 * torch.stack(flow(kernel, m[0], m[1])), z)

    def step(self, kernel: Kernel, q: Tensor, P: Tensor, h: float) -> Pair:
        middle = self._middle(kernel, q, P, h)
        return 2 * middle[0] - q, 2 * middle[1] - P

    def tangent(self, kernel: Kernel, q: Tensor, P: Tensor, h: float, u: Tensor, v: Tensor) -> tuple[Pair, Pair]:
        middle = self._middle(kernel, q, P, h)
        at, w = kernel.at(middle[0]).keep(), torch.stack([u, v])
        dm = fixed_point(lambda m: w + h / 2 * torch.stack(at.tangent(middle[1], m[0], m[1])), w)
        return (2 * middle[0] - q, 2 * middle[1] - P), (2 * dm[0] - u, 2 * dm[1] - v)

    def pull_back(self, kernel: Kernel, q: Tensor, P: Tensor, h: float, a: Tensor, b: Tensor) -> Pair:
        middle = self._middle(kernel, q, P, h)
        at, w = kernel.at(middle[0]).keep(), torch.stack([a, b])
        c = fixed_point(lambda m: w + h / 2 * torch.stack(transposed(at, middle[1], m[0], m[1])), w)
        return 2 * c[0] - a, 2 * c[1] - b


@dataclass(frozen=True)
class RungeKutta(Integrator):
    """The classical method of order 4: explicit, the reference where energies are followed accurately."""

    order: int = 4

    def step(self, kernel: Kernel, q: Tensor, P: Tensor, h: float) -> Pair:
        k1 = flow(kernel, q, P)
        k2 = flow(kernel, q + h / 2 * k1[0], P + h / 2 * k1[1])
        k3 = flow(kernel, q + h / 2 * k2[0], P + h / 2 * k2[1])
        k4 = flow(kernel, q + h * k3[0], P + h * k3[1])
        new = [x + h / 6 * (a + 2 * b + 2 * c + d) for x, a, b, c, d in zip((q, P), k1, k2, k3, k4, strict=True)]
        if not all(bool(torch.isfinite(x).all()) for x in new):
            raise Diverged("the states are not finite")
        return new[0], new[1]

    def tangent(self, kernel: Kernel, q: Tensor, P: Tensor, h: float, u: Tensor, v: Tensor) -> tuple[Pair, Pair]:
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

    def pull_back(self, kernel: Kernel, q: Tensor, P: Tensor, h: float, a: Tensor, b: Tensor) -> Pair:
        stages, x, y = [], q, P
        for ahead in (h / 2, h / 2, h):
            at = kernel.at(x).keep()
            stages.append((at, y))
            first, second = at.both(y)
            x, y = q + ahead * first, P + ahead * second
        stages.append((kernel.at(x), y))
        into_q, into_P, carried = a, b, (torch.zeros_like(a), torch.zeros_like(b))
        for (at, y), weight, ahead in zip(stages[::-1], (1, 2, 2, 1), (0.0, h, h / 2, h / 2), strict=True):
            # the gradient by the slope of this stage: from the sum, and from the next stage's place
            by_slope = (h / 6 * weight * a + ahead * carried[0], h / 6 * weight * b + ahead * carried[1])
            carried = transposed(at, y, *by_slope)
            into_q, into_P = into_q + carried[0], into_P + carried[1]
        return into_q, into_P


_EULER, _CONJUGATE = SymplecticEuler(), ConjugateEuler()
INTEGRATORS: dict[str, Integrator] = {
    "symplectic_euler": _EULER,
    "leapfrog": Leapfrog(),
    "midpoint": Midpoint(),
    "rk4": RungeKutta(),
}
"""By the name of the key `hamiltonian.integrator`."""
