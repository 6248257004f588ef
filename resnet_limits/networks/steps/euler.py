"""`x_{k+1} = x_k + h f(x_k, theta_k)`: the residual network itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from .step import Field, Step, Theta


class Euler(Step):
    """Order 1, one stage, reads `theta(t_k)`: `L` weight sets."""

    name = "euler"
    order = 1
    stride: ClassVar[int] = 0

    def advance(self, field: Field, x: Tensor, h: float, thetas: Sequence[Theta]) -> Tensor:
        (theta,) = thetas
        return torch.add(x, field(x, theta), alpha=h)
