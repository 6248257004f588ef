"""NNGP and NTK of residual networks with deep blocks `x + B phi(A x + a) + b` of which only the last layer shrinks.

    A_ij ~ N(0, sigma_A^2/D),   a_i ~ N(0, sigma_a^2),   B_ij ~ N(0, sigma_B^2 h/D),   b_i ~ N(0, sigma_b^2 h)
    lambda' = sigma_B^2 E phi(z_1) phi(z_2) + sigma_b^2,    Cov(z) = sigma_A^2 lambda + sigma_a^2
    Theta' = lambda' + sigma_B^2 E phi'(z_1) phi'(z_2) (Cov(z_1, z_2) + sigma_A^2 Theta)

`lambda_T` is the NNGP, `Theta_T` [+ `lambda_T`: read-out] the NTK from `Theta_0 = 0` [`<z_1, z_2>/d`: read-in]. Not
linear in `lambda_0`: unlike that of shallow blocks this is no linear regression. Of finite depth L at infinite width
the kernels are the Euler scheme with L steps, exactly: increments are uncorrelated with the state.

A pair's kernel needs only its own overlap and two mean squares: Runge-Kutta steps (order 4) of the three together,
elementwise on blocks of pairs. Peluchetti & Favaro 2020 (arXiv 2007.03253); the NTK is derived here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from .kernel import Kind
from .pair_kernel import PairKernel, mean_square
from .pair_products import expandable, expansions, pair_products

State = tuple[Tensor, ...]
"""Mean squares of rows and of columns, overlaps, and for an NTK `Theta`."""

MOST_STEPS = 1024


@dataclass(frozen=True, kw_only=True)
class DeepKernel(PairKernel):
    """NNGP or NTK of infinitely wide networks of deep blocks, infinitely deep (`depth=None`) or of a depth.

    `inner = (sigma_A, sigma_a)`, `outer = (sigma_B, sigma_b)`. `steps`: Runge-Kutta steps of the limit, see
    `with_tolerance`. float32 takes half the time and memory, with a relative error of 1e-6. Raises `SettingError` for
    an unknown activation; ReLU is allowed.
    """

    phi: str
    inner: tuple[float, float]
    outer: tuple[float, float]
    horizon: float
    kind: Kind = "nngp"
    depth: int | None = None
    steps: int = 8
    readout: bool = True
    read_in: bool = False
    dtype: torch.dtype = torch.float64

    def __post_init__(self) -> None:
        expandable(self.phi)

    def of_overlaps(
        self, overlaps: Float[Tensor, "#n #m"], rows: Float[Tensor, "#n #m"], columns: Float[Tensor, "#n #m"]
    ) -> Float[Tensor, "n m"]:
        """The kernel of pairs with overlap `<z_1, z_2>/d` and mean squares `|z|^2/d`, elementwise."""
        overlaps = overlaps.expand(torch.broadcast_shapes(rows.shape, columns.shape))
        tangents = [overlaps if self.read_in else torch.zeros_like(overlaps)] if self.kind == "ntk" else []
        state: State = (rows, columns, overlaps, *tangents)
        step, count = (_euler, self.depth) if self.depth is not None else (_runge_kutta, self.steps)
        for _ in range(count):
            state = step(self._rate, state, self.horizon / count)
        if self.kind == "nngp":
            return state[2].contiguous()
        return state[3] + state[2] if self.readout else state[3]

    def _rate(self, state: State) -> State:
        (sigma_A, sigma_a), (sigma_B, sigma_b) = self.inner, self.outer
        q1, q2, covariance = (sigma_A**2 * entry + sigma_a**2 for entry in state[:3])
        first, second = expansions(self.phi, q1, q2)
        values, slopes = pair_products(first, second, covariance, slopes=self.kind == "ntk")
        rates = [sigma_B**2 * square + sigma_b**2 for square in (first.square, second.square)]
        rates.append(values.mul_(sigma_B**2).add_(sigma_b**2))
        if slopes is not None:
            moved = covariance.add_(state[3], alpha=sigma_A**2).mul_(slopes)
            rates.append(moved.mul_(sigma_B**2).add_(rates[2]))
        return tuple(rates)

    def with_tolerance(self, z: Float[Tensor, "n d"], tolerance: float) -> tuple[DeepKernel, float]:
        """The kernel with enough steps, and its error: the largest over pairs of these inputs, relative to the largest
        entry, from twice the steps.

        A few dozen inputs do, the largest and the smallest among them; of a finite depth nothing is to choose. In
        float32 a tolerance below rounding (1e-6) is not reached: doubling stops where it no longer helps.
        """
        if self.depth is not None:
            return self, 0.0
        now, last = replace(self, steps=1), float("inf")
        block = now(z, z)
        while True:
            finer = replace(now, steps=2 * now.steps)
            better = finer(z, z)
            error = float((better - block).abs().max() / better.abs().max().clamp(min=1e-300))
            if error <= tolerance or now.steps >= MOST_STEPS or (now.steps > 8 and error >= last):
                return now, error
            now, block, last = finer, better, error


def extremes(z: Float[Tensor, "n d"], count: int = 32) -> Float[Tensor, "k d"]:
    """The inputs with the largest and the smallest norms, and some in between: a sample for `with_tolerance`."""
    order = mean_square(z).argsort()
    return z[order[torch.linspace(0, len(z) - 1, min(count, len(z))).long()]]


def _euler(rate: Callable[[State], State], state: State, h: float) -> State:
    return tuple(x + h * slope for x, slope in zip(state, rate(state), strict=True))


def _runge_kutta(rate: Callable[[State], State], state: State, h: float) -> State:
    """Kutta's classical scheme, order 4. Its stages are those of Gram matrices, which stay semi-definite."""
    total, slopes = list(state), rate(state)
    for ahead, weight in ((h / 2, h / 6), (h / 2, h / 3), (h, h / 3)):
        total = [x.add(k, alpha=weight) for x, k in zip(total, slopes, strict=True)]
        slopes = rate(tuple(x.add(k, alpha=ahead) for x, k in zip(state, slopes, strict=True)))
    return tuple(x.add(k, alpha=h / 6) for x, k in zip(total, slopes, strict=True))
