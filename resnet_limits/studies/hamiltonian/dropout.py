"""Dropout, the mean over fixed masks: of least squares, what it tends to; of a network, what is minimised.

    m = 0 with probability p, else 1/(1 - p), of each feature of each point, in each layer, in each of M draws
    q_{s+1} = q_s + W_s (m_s a(q_s)) + b_s,   min nu/2 L sum_s (|W_s|^2 + |b_s|^2) + mean over masks of loss(q_L)

With the masks fixed the mean is a function of the weights that has minima, found like those without. Once trained the
network is run without masks. Source: Wager, Wang & Liang 2013, arXiv 1307.1493.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from .network import WeightDecayedNetwork


def masks_of_dropout(shape: tuple[int, ...], rate: float, stream: np.random.Generator) -> Tensor:
    """0 with probability `rate`, else `1/(1 - rate)`."""
    return torch.from_numpy(stream.random(shape) >= rate).double() / (1 - rate)


def ridge_of_dropout(F: Float[Tensor, "n f"], y: Float[Tensor, "n o"], rate: float) -> Float[Tensor, "f o"]:
    """`(F^T F + p/(1-p) diag(F^T F))^-1 F^T y`: the least squares of all masks."""
    gram = F.T @ F
    gram.diagonal().mul_(1 + rate / (1 - rate))
    return torch.linalg.solve(gram, F.T @ y)


def least_squares_of_masks(
    F: Float[Tensor, "n f"], y: Float[Tensor, "n o"], masks: Float[Tensor, "m n f"]
) -> Float[Tensor, "f o"]:
    """`R` of the least mean over masks of `|F m R - y|^2`, by its normal equations."""
    rows = (F * masks).flatten(0, 1)
    return torch.linalg.solve(rows.T @ rows, rows.T @ y.repeat(len(masks), 1))


@dataclass(frozen=True)
class DroppedNetwork(WeightDecayedNetwork):
    """Points and loss are repeated for each draw of the masks; `masks` (L, M n, d) are those of the activations."""

    masks: Float[Tensor, "l mn d"]

    def states(self, w: Float[Tensor, "l d f"], q: Float[Tensor, "n d"] | None = None) -> list[Tensor]:
        states, d = [self.q0 if q is None else q], self.q0.shape[1]
        for weights, mask in zip(w.unbind(0), self.masks.unbind(0), strict=True):
            at = states[-1]
            f = self.kernel.at(at).root()
            states.append(at + torch.cat([f[:, :d] * mask, f[:, d:]], dim=1) @ weights.T)
        return states

    def hessian(self, u: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        return self._by_autograd(u)
