"""States and momenta of a Hamiltonian flow at `t_s = s/steps`, s = 0 .. steps, from `(q_0, P_0)`; the horizon is 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from .integrators import Diverged, Integrator
from .kernels.kernel import OperatorKernel


@dataclass(frozen=True)
class Trajectory:
    """States and momenta (steps + 1, n, d) and the energy `H` (steps + 1) at each of the times.

    `diverged` says in words how the flow ended early; the arrays then hold what was reached.
    """

    states: Tensor
    momenta: Tensor
    energy: Tensor
    diverged: str | None = None

    @property
    def end(self) -> tuple[Tensor, Tensor]:
        """`(q(1), P(1))`."""
        return self.states[-1], self.momenta[-1]

    @property
    def drift(self) -> float:
        """`max_s |H_s - H_0| / H_0`."""
        return float(((self.energy - self.energy[0]).abs().max()) / self.energy[0])


def trajectory_from(
    kernel: OperatorKernel, q: Float[Tensor, "n d"], P: Float[Tensor, "n d"], integrator: Integrator, steps: int
) -> Trajectory:
    """The trajectory; one that explodes ends where it did, with `diverged`."""
    states, momenta, energy, words = [q], [P], [kernel.at(q).energy(P)], None
    for s in range(steps):
        try:
            q, P = integrator.step(kernel, q, P, 1 / steps)
            energy_now = kernel.at(q).energy(P)
            if not torch.isfinite(energy_now):
                raise Diverged("the energy is not finite")
        except Diverged as reason:
            words = f"at t = {s / steps:.3g}, energy {float(energy[-1]):.3g}: {reason}"
            break
        states.append(q)
        momenta.append(P)
        energy.append(energy_now)
    return Trajectory(torch.stack(states), torch.stack(momenta), torch.stack(energy), words)


def tangent_at_end(
    kernel: OperatorKernel,
    q: Float[Tensor, "n d"],
    P: Float[Tensor, "n d"],
    integrator: Integrator,
    steps: int,
    u: Float[Tensor, "*b n d"],
    v: Float[Tensor, "*b n d"],
) -> tuple[Tensor, Tensor]:
    """The derivative of `(q(1), P(1))` along `(u, v)`. Raises `Diverged`."""
    for _ in range(steps):
        (q, P), (u, v) = integrator.tangent(kernel, q, P, 1 / steps, u, v)
    return u, v


def pull_back_through_flow(
    kernel: OperatorKernel,
    states: Sequence[Tensor] | Tensor,
    momenta: Sequence[Tensor] | Tensor,
    integrator: Integrator,
    a: Float[Tensor, "n d"],
    b: Float[Tensor, "n d"],
    *,
    h: float,
) -> tuple[Tensor, Tensor]:
    """Gradients by `(q_0, P_0)` from those by the end, `(a, b)`, after steps of length `h`.

    States and momenta at the times are all that is kept, (steps + 1) n d numbers each; what a step computes inside is
    computed again. Raises `Diverged`.
    """
    for s in reversed(range(len(states) - 1)):
        a, b = integrator.pull_back(kernel, states[s], momenta[s], h, a, b)
    return a, b
