"""`q_{s+1} = q_s + (f(q_s) + f(q'_s)) w_s^T / 2`, `q'_s = q_s + f(q_s) w_s^T`: blocks of order 2, frozen weights.

Minimisers of `nu/2 L sum_s |w_s|^2 + loss(q_L)` satisfy, with the stage's momentum `P'_s = P_{s+1} + (w_s Df(q'_s))^T
P_{s+1}`, the scheme of the states backwards:

    omega_s = L w_s = 1/2 sum_j [ P'_{j,s} f(q_{j,s})^T + P_{j,s+1} f(q'_{j,s})^T ]
    P_s = P_{s+1} + 1/2 [ (w_s Df(q_s))^T P'_s + (w_s Df(q'_s))^T P_{s+1} ]

by differentiating the block in `w_s` and in `q_s` (Hager 2000, Runge-Kutta methods in optimal control). It is no
symplectic Euler. One set of weights serves both stages: `omega_s` is that of the limit at the middle of its step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from ...limits.hamiltonian.kernels.features import FeaturesKernel
from .network import Linearised, WeightDecayedNetwork


@dataclass(frozen=True)
class HeunNetwork(WeightDecayedNetwork):
    """A network of Heun blocks, of features of the activation."""

    order: ClassVar[int] = 2
    weight_time: ClassVar[float] = 0.5

    def block(self, q: Float[Tensor, "n d"], w: Float[Tensor, "d f"]) -> Float[Tensor, "n d"]:
        """`q + (f(q) + f(q')) w^T / 2`."""
        f = self.kernel.at(q).root()
        second = self.kernel.at(q + self.kernel.of_rows(f @ w.T)).root()
        return q + self.kernel.of_rows((f + second) @ w.T / 2)

    def stage(self, q: Float[Tensor, "n d"], w: Float[Tensor, "d f"]) -> Float[Tensor, "n d"]:
        """`q' = q + f(q) w^T`."""
        return super().block(q, w)

    def before(self, P: Float[Tensor, "n d"], q: Float[Tensor, "n d"], w: Float[Tensor, "d f"]) -> Float[Tensor, "n d"]:
        by_stage = self.carried(self.stage(q, w), P, w)
        return P + (self.carried(q, P + by_stage, w) + by_stage) / 2

    def pairs(
        self, w: Float[Tensor, "l d f"], states: list[Tensor], momenta: Float[Tensor, "l1 n d"]
    ) -> list[tuple[Float[Tensor, "l n d"], Float[Tensor, "l n f"]]]:
        """`(P'_s, f(q_s)) / 2` and `(P_{s+1}, f(q'_s)) / 2`."""
        stages = [self.stage(q, weights) for q, weights in zip(states[:-1], w, strict=True)]
        behind = [P + self.carried(q, P, weights) for q, P, weights in zip(stages, momenta[1:], w, strict=True)]
        return [(torch.stack(behind) / 2, self.roots(states)), (momenta[1:] / 2, self.roots([*stages, states[-1]]))]

    def linearised(self, w: Float[Tensor, "l d f"], states: list[Tensor], costate: Float[Tensor, "n d"]) -> Linearised:
        assert isinstance(self.kernel, FeaturesKernel)
        return HeunLinearised(self.kernel, w, torch.stack(states[:-1]), costate)


class HeunLinearised:
    """Of Heun blocks, by both stages of a layer; `q` (L, n, d) are the states before them."""

    def __init__(self, kernel: FeaturesKernel, w: Tensor, q: Tensor, costate: Tensor) -> None:
        self.kernel, first = kernel, _Stage.at(kernel, q, w)
        self.first, self.second = first, _Stage.at(kernel, q + kernel.of_rows(first.f @ w.mT), w)
        costates = [costate]
        for i in reversed(range(len(w))):
            by_stage = self.second.carried(i, costates[-1]) / 2
            costates.append(costates[-1] + by_stage + first.carried(i, costates[-1] / 2 + by_stage))
        self.costate = costates[-1]
        self.by_second = torch.stack(costates[-2::-1]) / 2  # what dJ is by the second slope: half of dJ/dq_{s+1}
        self.by_first = self.by_second + self.second.slope * kernel.carried(self.by_second, self.second.W)

    def push(self, dw: Tensor, moved: Tensor) -> tuple[Tensor, Tensor]:
        tangents, of_stages = [], []
        sources = [self.kernel.of_rows(stage.f @ dw.mT).unbind(0) for stage in (self.first, self.second)]
        for i, (A, B) in enumerate(zip(*sources, strict=True)):
            tangents.append(moved)
            slope = self.first.pushed(i, moved, A)
            of_stages.append(moved + slope)
            moved = moved + (slope + self.second.pushed(i, of_stages[-1], B)) / 2
        return moved, torch.stack([torch.stack(tangents), torch.stack(of_stages)])

    def pull(self, dw: Tensor, tangents: Tensor, carried: Tensor) -> tuple[Tensor, Tensor]:
        kernel, first, second, (dq, dy) = self.kernel, self.first, self.second, tangents
        bent, bent_stage = first.bent(self.by_first, dq, dw).unbind(0), second.bent(self.by_second, dy, dw).unbind(0)
        behind, behind_first = [], []
        for i in reversed(range(len(dw))):
            by_stage = bent_stage[i] + second.carried(i, carried) / 2
            behind.append(carried / 2)
            behind_first.append(behind[-1] + by_stage)
            carried = carried + by_stage + bent[i] + first.carried(i, behind_first[-1])
        rows_first, rows = (kernel.rows(torch.stack(costates[::-1])) for costates in (behind_first, behind))
        dg = rows_first.mT @ first.f + rows.mT @ second.f
        for by_slope, stage, moved in ((self.by_first, first, dq), (self.by_second, second, dy)):
            kernel.taps_of(dg).add_(kernel.rows(by_slope).mT @ kernel.taps(stage.slope * moved))
        return dg, carried


@dataclass(frozen=True)
class _Stage:
    """A stage of all layers, `q` (L, n, d): its features, their derivatives, and the matrices that it is moved by."""

    kernel: FeaturesKernel
    q: Tensor
    f: Tensor
    slope: Tensor
    curvature: Tensor
    W: Tensor
    layers: list[tuple[Tensor, Tensor]]
    """`slope` and `W`, layer by layer."""

    @classmethod
    def at(cls, kernel: FeaturesKernel, q: Tensor, w: Tensor) -> _Stage:
        a, W = kernel.activation, kernel.taps_of(w)
        values = a(q)
        f, slope = kernel.with_bias(kernel.taps(values)), a.slope(q, values)
        layers = list(zip(slope.unbind(0), W.unbind(0), strict=True))
        return cls(kernel, q, f, slope, a.curvature(q, values), W, layers)

    def carried(self, i: int, costate: Tensor) -> Tensor:
        """`(w_i Df)^T` of a costate."""
        slope, W = self.layers[i]
        return slope * self.kernel.carried(costate, W)

    def pushed(self, i: int, moved: Tensor, more: Tensor) -> Tensor:
        """`w_i Df` of a tangent, and more."""
        slope, W = self.layers[i]
        return more + self.kernel.pushed(slope * moved, W)

    def bent(self, costates: Tensor, moved: Tensor, dw: Tensor) -> Tensor:
        """The derivative of `(w Df)^T costates` along `moved` and `dw`, of all layers."""
        by_weights = self.kernel.carried(costates, self.kernel.taps_of(dw))
        return self.curvature * self.kernel.carried(costates, self.W) * moved + self.slope * by_weights
