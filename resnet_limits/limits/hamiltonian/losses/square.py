"""`|s - y|^2 / 2`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .loss import PointwiseLoss

if TYPE_CHECKING:
    from torch import Tensor


class SquareLoss(PointwiseLoss):
    """`|s - y|^2 / 2`."""

    name = "square"
    targets = "any"
    of_kernel_regression = True

    def value(self, s: Tensor, y: Tensor) -> Tensor:
        return (s - y).square().sum(-1) / 2

    def gradient(self, s: Tensor, y: Tensor) -> Tensor:
        return s - y

    def hessian(self, s: Tensor, y: Tensor) -> Callable[[Tensor], Tensor]:
        return lambda ds: ds
