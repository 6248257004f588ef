"""`max(0, 1 - y s)^2 / 2`, `y = +-1`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .loss import PointwiseLoss

if TYPE_CHECKING:
    from torch import Tensor


class SquaredHingeLoss(PointwiseLoss):
    """`max(0, 1 - y s)^2 / 2`, `y = +-1`."""

    name = "squared_hinge"
    targets = "two classes"
    has_margin = True

    def value(self, s: Tensor, y: Tensor) -> Tensor:
        return (1 - y * s).clamp(min=0).square().sum(-1) / 2

    def gradient(self, s: Tensor, y: Tensor) -> Tensor:
        return -y * (1 - y * s).clamp(min=0)

    def hessian(self, s: Tensor, y: Tensor) -> Callable[[Tensor], Tensor]:
        active = (y * s < 1).to(s)
        return lambda ds: active * ds
