"""What a kernel offers to a Hamiltonian flow: `H = 1/2 P^T Gamma(q, q) P` and its derivatives at given points.

States `q` are (n, d), momenta `P` (n, d) or (n, k); tangents may have further dimensions in front. All float64.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor


class KernelAtPoints(ABC):
    """A kernel at points `q` (n, d): what depends on the points alone is computed once.

    `P` in `velocity`, `rate` and `energy` may have any number of columns: the kernel is a multiple of the identity.
    """

    @abstractmethod
    def velocity(self, P: Tensor) -> Tensor:
        """`dH/dP = Gamma(q, q) P`, of the shape of `P`."""

    @abstractmethod
    def rate(self, P: Tensor) -> Tensor:
        """`-dH/dq`, the rate of the momenta, (n, d)."""

    @abstractmethod
    def both(self, P: Tensor) -> tuple[Tensor, Tensor]:
        """`velocity` and `rate`."""

    @abstractmethod
    def energy(self, P: Tensor) -> Tensor:
        """`H`."""

    @abstractmethod
    def tangent(self, P: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Derivatives of `velocity` and `rate` along `dq = u` (*b, n, d), `dP = v` (*b, n, k)."""

    def tangent_of_momenta(self, P: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """`tangent` along `dq = 0`, `dP = v` (*b, n, d)."""
        return self.tangent(P, torch.zeros_like(v), v)

    def keep(self) -> KernelAtPoints:
        """The same, to be read several times: what is large is made once, where there is room."""
        return self

    @abstractmethod
    def root(self) -> Tensor:
        """A matrix `f` (n, m) with `Gamma(q, q) = f f^T`, differentiable in `q`."""


class OperatorKernel(ABC):
    """A kernel `Gamma(x, y) = k(x, y) I`."""

    @abstractmethod
    def at(self, q: Tensor) -> KernelAtPoints:
        """The kernel at these points."""

    @abstractmethod
    def field(self, x: Tensor, q: Tensor, P: Tensor) -> Tensor:
        """`sum_j k(x, q_j) P_j`, the velocity of other points `x` (m, d) that the points `q` carry along, (m, d)."""
