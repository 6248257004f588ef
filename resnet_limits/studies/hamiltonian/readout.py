"""A network and its read-out trained side by side by gradients, and read-outs of layers that stay as they are.

    J(z, R) = nu/2 |z|^2 + mean_j |f(q_L) R - y|^2 / 2 + ridge/2 |R|^2

`f(q)` are the features of the kernel at the end, or its Cholesky factor there: `|R|` is the norm of the read-out in the
kernel's space. Nothing here solves the linear system of ridge regression: that a minimum over `R` does is what
`hamiltonian.warped` finds. Source: Owhadi 2020, arXiv 2008.03920.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ...limits.hamiltonian.kernels.features import FeaturesKernel
from ...limits.hamiltonian.kernels.kernel import OperatorKernel
from ...training.minimiser import minimise
from .network import WeightDecayedNetwork


def loss_of_readout(f: Float[Tensor, "n f"], R: Float[Tensor, "f o"], y: Float[Tensor, "n o"], ridge: float) -> Tensor:
    """`mean_j |f R - y|^2 / 2 + ridge/2 |R|^2`."""
    return (f @ R - y).square().sum() / (2 * len(y)) + ridge / 2 * R.square().sum()


@dataclass(frozen=True)
class NetworkWithReadout:
    """`J` as a function of `(z, R)`, flat: layers and read-out of targets `y` (n, o). The network's own loss has no
    part in it."""

    network: WeightDecayedNetwork
    y: Float[Tensor, "n o"]
    ridge: float

    @property
    def numbers(self) -> tuple[int, int]:
        """In `z` and in `R`."""
        return int(np.prod(self.network.shape)), self.network.shape[2] * self.y.shape[1]

    def parts(self, u: Tensor) -> tuple[Float[Tensor, "l d f"], Float[Tensor, "f o"]]:
        """The weights `w`, and `R`."""
        z, R = u.split(self.numbers)
        return self.network.weights(z), R.reshape(-1, self.y.shape[1])

    def __call__(self, u: Tensor) -> Tensor:
        w, R = self.parts(u)
        f = self.network.kernel.at(self.network.states(w)[-1]).root()
        return self.network.decay / 2 * self.network.depth * w.square().sum() + loss_of_readout(
            f, R, self.y, self.ridge
        )


@dataclass(frozen=True)
class Readouts:
    """Functions `f(x) R` in the space of a kernel at points `q` (n, d). `off`: how far `R` may be from its minimum."""

    kernel: OperatorKernel
    q: Float[Tensor, "n d"]
    R: Float[Tensor, "f o"]
    off: float

    def __call__(self, x: Float[Tensor, "m d"]) -> Float[Tensor, "m o"]:
        if isinstance(self.kernel, FeaturesKernel):
            return self.kernel.of_points(x) @ self.R
        root = self.kernel.at(self.q).root()
        return self.kernel.field(x, self.q, torch.linalg.solve_triangular(root.T, self.R, upper=True))


def trained_readouts(
    kernel: OperatorKernel, q: Float[Tensor, "n d"], y: Float[Tensor, "n o"], *, ridge: float, iterations: int
) -> Readouts:
    """The read-outs of states `q` that the targets `y` train, by gradients from 0."""
    f = kernel.at(q).root()

    def value(u: Tensor) -> Tensor:
        return loss_of_readout(f, u.reshape(-1, y.shape[1]), y, ridge)

    end = minimise(value, np.zeros(f.shape[1] * y.shape[1]), iterations=iterations, certify=False)
    # The Hessian by R has no eigenvalue below the ridge.
    return Readouts(kernel, q, torch.from_numpy(end.point).reshape(-1, y.shape[1]), end.gradient_norm / ridge)
