"""Weights that are the same in every layer, such as one draw of each (`TiedLaw`), or zero (`ZeroLaw`)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from .path import checked


@dataclass(frozen=True)
class TiedPath:
    """`theta(t) = value`; value: (R, *shape)."""

    value: Float[Tensor, " R *shape"]
    horizon: float

    def at(self, times: Float[Tensor, " *times"]) -> Float[Tensor, "R n *shape"]:
        n = len(checked(times, self.horizon))
        return self.value[:, None].expand(-1, n, *self.value.shape[1:])

    def rate(self, times: Float[Tensor, " *times"]) -> Float[Tensor, "R n *shape"]:
        """`theta'(t) = 0`."""
        return torch.zeros_like(self.at(times))
