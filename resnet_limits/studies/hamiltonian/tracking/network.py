"""A network of horizon T with a loss along its path, in the scaled weights `z = sqrt(h) omega`, `h = T/L`.

    q_{s+1} = q_s + h f(q_s) omega_s^T,      J(z) = nu/2 |z|^2 + h sum_{s<L} loss(q_s) + loss_at_end(q_L)

`|z|^2 = h sum |omega_s|^2`. Derivatives are autograd's: no line of the network of the other groups is used. The Hessian
of these few numbers is made as a matrix, all columns at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ....limits.hamiltonian.end_loss import EndLoss, Fixed


@dataclass(frozen=True)
class TrackingNetwork:
    """A network of this depth on points `q0` (n, d), with the features `f` (n, m) of a layer: an `Objective` of z."""

    features: Callable[[Tensor], Tensor]
    q0: Float[Tensor, "n d"]
    nu: float
    horizon: float
    depth: int
    along: Fixed | None = None
    at_end: EndLoss | None = None

    @property
    def step(self) -> float:
        """`h`."""
        return self.horizon / self.depth

    @property
    def size(self) -> int:
        """Numbers in `z`."""
        return self.depth * self.q0.shape[1] * self.features(self.q0).shape[1]

    def states(self, z: Float[Tensor, " size"]) -> list[Tensor]:
        """`q_0, ..., q_L`."""
        states, w = [self.q0], self.step**0.5 * z.reshape(self.depth, self.q0.shape[1], -1).mT
        for weights in w.unbind(0):
            states.append(torch.addmm(states[-1], self.features(states[-1]), weights))
        return states

    def value(self, z: Float[Tensor, " size"]) -> Tensor:
        """`J(z)`."""
        *states, end = self.states(z)
        value = self.nu / 2 * z.square().sum()
        if self.along is not None:
            value = value + self.horizon * self.along.value(torch.stack(states))  # the mean over layers, too
        return value if self.at_end is None else value + self.at_end.value(end)

    def value_and_gradient(self, u: Float[np.ndarray, " size"]) -> tuple[float, Float[np.ndarray, " size"]]:
        z = torch.from_numpy(np.array(u)).requires_grad_()
        value = self.value(z)
        (gradient,) = torch.autograd.grad(value, z)
        return float(value.detach()), gradient.numpy()

    def hessian(self, u: Float[np.ndarray, " size"]) -> Callable[[np.ndarray], np.ndarray]:
        z = torch.from_numpy(np.array(u)).requires_grad_()
        (gradient,) = torch.autograd.grad(self.value(z), z, create_graph=True)
        unit = torch.eye(len(u), dtype=z.dtype)
        (matrix,) = torch.autograd.grad(gradient, z, unit, is_grads_batched=True)
        return matrix.numpy().__matmul__


def biases_alone(q: Float[Tensor, "n d"]) -> Float[Tensor, "n 1"]:
    """The features of a layer that is a bias."""
    return torch.ones_like(q[:, :1])
