"""Tied weights: one draw, the same in every layer."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from .path import Draw, checked


@dataclass(frozen=True)
class TiedPath:
    """`theta(t) = value`; value: (R, *shape)."""

    value: Float[Tensor, " R *shape"]
    horizon: float

    def at(self, times: Float[Tensor, " *times"]) -> Float[Tensor, "R n *shape"]:
        n = len(checked(times, self.horizon))
        return self.value[:, None].expand(-1, n, *self.value.shape[1:])


def tied_path(draw: Draw) -> TiedPath:
    """`theta(t) = sigma xi`, one standard normal an entry."""
    return TiedPath(draw.sigma * draw.normals(draw.shape), draw.horizon)
