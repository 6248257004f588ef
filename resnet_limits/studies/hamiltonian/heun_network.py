"""`q_{s+1} = q_s + (f(q_s) + f(q'_s)) w_s^T / 2`, `q'_s = q_s + f(q_s) w_s^T`: blocks of order 2, frozen weights.

Minimisers of `nu/2 L sum_s |w_s|^2 + loss(q_L)` satisfy, with the stage's momentum `P'_s = P_{s+1} + (w_s Df(q'_s))^T
P_{s+1}`, the scheme of the states backwards:

    omega_s = L w_s = 1/2 sum_j [ P'_{j,s} f(q_{j,s})^T + P_{j,s+1} f(q'_{j,s})^T ]
    P_s = P_{s+1} + 1/2 [ (w_s Df(q_s))^T P'_s + (w_s Df(q'_s))^T P_{s+1} ]

by differentiating the block in `w_s` and in `q_s` (Hager 2000, Runge-Kutta methods in optimal control). No symplectic
Euler is left of it, and one set of weights serves both stages: `omega_s` is that of the limit at the middle of its step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from .network import WeightDecayedNetwork


@dataclass(frozen=True)
class HeunNetwork(WeightDecayedNetwork):
    """A network of Heun blocks, of features of the activation."""

    order: ClassVar[int] = 2
    weight_time: ClassVar[float] = 0.5

    def block(self, q: Float[Tensor, "n d"], w: Float[Tensor, "d f"]) -> Float[Tensor, "n d"]:
        """`q + (f(q) + f(q')) w^T / 2`."""
        f = self.kernel.at(q).root()
        return q + (f + self.kernel.at(q + f @ w.T).root()) @ w.T / 2

    def stage(self, q: Float[Tensor, "n d"], w: Float[Tensor, "d f"]) -> Float[Tensor, "n d"]:
        """`q' = q + f(q) w^T`."""
        return super().block(q, w)

    def momenta(self, w: Float[Tensor, "l d f"], states: list[Tensor], nu: float) -> Float[Tensor, "l1 n d"]:
        momenta = [-self.loss.gradient(states[-1]) / nu]
        for weights, q in zip(reversed(w.unbind(0)), reversed(states[:-1]), strict=True):
            P = momenta[-1]
            by_stage = self.carried(self.stage(q, weights), P, weights)
            momenta.append(P + (self.carried(q, P + by_stage, weights) + by_stage) / 2)
        return torch.stack(momenta[::-1])

    def pairs(
        self, w: Float[Tensor, "l d f"], states: list[Tensor], momenta: Float[Tensor, "l1 n d"]
    ) -> list[tuple[Float[Tensor, "l n d"], Float[Tensor, "l n f"]]]:
        """`(P'_s, f(q_s)) / 2` and `(P_{s+1}, f(q'_s)) / 2`."""
        stages = [self.stage(q, weights) for q, weights in zip(states[:-1], w, strict=True)]
        behind = [P + self.carried(q, P, weights) for q, P, weights in zip(stages, momenta[1:], w, strict=True)]
        return [(torch.stack(behind) / 2, self.roots(states)), (momenta[1:] / 2, self.roots([*stages, states[-1]]))]

    def hessian(self, u: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        return self._by_autograd(u)
