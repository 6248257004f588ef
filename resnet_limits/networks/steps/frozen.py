"""A step whose stages all read one weight set: the time-dependence of the weights is frozen in a block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from torch import Tensor

from .step import Field, Step, Theta


class Frozen(Step):
    """`step` with the weights of each block frozen at its start (order 1) or midpoint (at most order 2)."""

    stride: ClassVar[int] = 0

    def __init__(self, step: Step, at: Literal["start", "midpoint"]) -> None:
        if at not in ("start", "midpoint"):
            raise ValueError(f"at: expected 'start' or 'midpoint', got {at!r}")
        self.step = step
        self.at = at
        self.name = f"{step.name}-{at}"
        self.order = min(step.order, 1 if at == "start" else 2)

    def times(self, depth: int, horizon: float = 1.0) -> Tensor:
        starts = super().times(depth, horizon)
        return starts if self.at == "start" else starts + horizon / depth / 2

    def advance(self, field: Field, x: Tensor, h: float, thetas: Sequence[Theta]) -> Tensor:
        (theta,) = thetas
        return self.step.advance(field, x, h, (theta,) * len(self.step.sets(0)))


def frozen(step: Step, at: Literal["start", "midpoint"] = "start") -> Frozen:
    """`step` reading one weight set a block, `theta(t_k)` or `theta(t_k + h/2)`, at all its stages."""
    return Frozen(step, at)
