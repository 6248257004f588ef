"""`y_{k+1} = y_k + h f(z_k, theta^y_k)`, `z_{k+1} = z_k - h f(y_{k+1}, theta^z_k)`: a Hamiltonian block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from .step import Field, Step, Theta


class Symplectic(Step):
    """Symplectic Euler for a Hamiltonian `H(y, z) = -g_y(z) - g_z(y)`, the state being `x = (y, z)`.

    `f` is the gradient of a function, as the block `gradient` is. Its parameters of the two halves are `NAME.y`
    and `NAME.z` of one weight set. Each half shears the state, so that the block is symplectic and invertible whatever
    the weights (Haber & Ruthotto 2017, arXiv 1705.03341, equation 2.8). Order 1.
    """

    name = "symplectic"
    order = 1
    stride: ClassVar[int] = 0

    def advance(self, field: Field, x: Tensor, h: float, thetas: Sequence[Theta]) -> Tensor:
        (theta,) = thetas
        y, z = x.chunk(2, dim=-1)
        y = torch.add(y, field(z, _half(theta, ".y")), alpha=h)
        z = torch.add(z, field(y, _half(theta, ".z")), alpha=-h)
        return torch.cat([y, z], dim=-1)

    def reverse(self, field: Field, x_next: Tensor, h: float, thetas: Sequence[Theta]) -> Tensor:
        """`x_k` from `x_{k+1}`, exact up to rounding: the two halves undone, the last one first."""
        (theta,) = thetas
        y, z = x_next.chunk(2, dim=-1)
        z = torch.add(z, field(y, _half(theta, ".z")), alpha=h)
        y = torch.add(y, field(z, _half(theta, ".y")), alpha=-h)
        return torch.cat([y, z], dim=-1)


def _half(theta: Theta, end: str) -> Theta:
    return {name.removesuffix(end): values for name, values in theta.items() if name.endswith(end)}
