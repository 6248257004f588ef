"""The classical Runge-Kutta step, with the weights read at `t_k`, `t_k + h/2` and `t_{k+1}`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from .step import Field, Step, Theta


class RK4(Step):
    """Order 4, four stages, reads `theta` at half steps: `2L + 1` weight sets."""

    name = "rk4"
    order = 4
    stride: ClassVar[int] = 2

    def advance(self, field: Field, x: Tensor, h: float, thetas: Sequence[Theta]) -> Tensor:
        start, middle, end = thetas
        first = field(x, start)
        second = field(torch.add(x, first, alpha=h / 2), middle)
        third = field(torch.add(x, second, alpha=h / 2), middle)
        fourth = field(torch.add(x, third, alpha=h), end)
        return torch.add(x, first + 2 * (second + third) + fourth, alpha=h / 6)
