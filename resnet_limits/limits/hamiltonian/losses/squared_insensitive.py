"""The sum over outputs of `max(0, |s - y| - epsilon)^2 / 2`: errors up to epsilon cost nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .loss import PointwiseLoss

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class SquaredInsensitiveLoss(PointwiseLoss):
    """Errors up to `insensitive` cost nothing."""

    name = "squared_insensitive"
    targets = "any"
    has_margin = True

    insensitive: float

    def value(self, s: Tensor, y: Tensor) -> Tensor:
        return ((s - y).abs() - self.insensitive).clamp(min=0).square().sum(-1) / 2

    def gradient(self, s: Tensor, y: Tensor) -> Tensor:
        from torch.nn import functional

        return functional.softshrink(s - y, self.insensitive)

    def hessian(self, s: Tensor, y: Tensor) -> Callable[[Tensor], Tensor]:
        active = ((s - y).abs() > self.insensitive).to(s)
        return lambda ds: active * ds
