"""`y = x_k + h f(x_k, theta_k)`, `x_{k+1} = x_k + h/2 (f(x_k, theta_k) + f(y, theta_{k+1}))`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from .step import Field, Step, Theta


class Heun(Step):
    """Order 2, two stages, reads `theta(t_k)` and `theta(t_{k+1})`: `L + 1` weight sets."""

    name = "heun"
    order = 2
    stride: ClassVar[int] = 1

    def advance(self, field: Field, x: Tensor, h: float, thetas: Sequence[Theta]) -> Tensor:
        start, end = thetas
        first = field(x, start)
        second = field(torch.add(x, first, alpha=h), end)
        return torch.add(x, first + second, alpha=h / 2)
