"""Flows by the Gaussian kernel in C (`_pairs.c`): one pass over the pairs of points, no matrix.

    velocity_i = sum_j K_ij P_j,   rate_i = sum_j K_ij P_i.P_j (q_i - q_j) / l^2,   K_ij = exp(-|q_i - q_j|^2 / 2 l^2)

and the derivatives of both. A sum is one chain of additions in the order of the points, whatever the processor. Where
no compiler was at hand when reslim was installed, `kernels/gaussian.py` makes the matrices.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from .kernels.gaussian import GaussianAt, GaussianKernel

try:
    from . import _pairs  # pyright: ignore
except ImportError:  # no compiler at installation
    _pairs = None

in_c: Any = _pairs
"""The extension; None without."""
PAIR_PROCESSORS: list[str] = in_c.PROCESSORS if in_c else []
"""Kinds of processor that this one is, best first; none without the extension."""
MOST_COMPILED_COORDINATES: int = in_c.MOST_COORDINATES if in_c else 0
"""Coordinates of a point: matrix products are faster where there are more."""


def has_form(x: Float[Tensor, "n d"]) -> bool:
    """Whether there is a compiled form for such points or momenta."""
    on_cpu = x.device.type == "cpu" and x.dtype == torch.float64
    return on_cpu and x.shape[1] <= MOST_COMPILED_COORDINATES and not x.requires_grad


class PairSumsAt(GaussianAt):
    """The Gaussian kernel at points of few coordinates, for this kind of processor or the best."""

    def __init__(self, kernel: GaussianKernel, q: Float[Tensor, "n d"], processor: str | None = None) -> None:
        super().__init__(kernel, q)
        self.points = q  # of which differences are taken as they are
        self.how = (processor or PAIR_PROCESSORS[0], self.scaled)

    def keep(self) -> PairSumsAt:
        """Itself: to read a matrix takes as long as to compute its entries."""
        return self

    def velocity(self, P: Float[Tensor, "n k"]) -> Float[Tensor, "n k"]:
        return self.both(P)[0]

    def rate(self, P: Float[Tensor, "n k"]) -> Float[Tensor, "n d"]:
        return self.both(P)[1]

    def both(self, P: Float[Tensor, "n k"]) -> tuple[Float[Tensor, "n k"], Float[Tensor, "n d"]]:
        if not has_form(P):
            return super().both(P)
        velocity, rate = (torch.empty(x.shape, dtype=x.dtype) for x in (P, self.points))
        in_c.both(*self.how, *_arrays(self.points, P, velocity, rate))
        return velocity, rate

    def tangent(
        self, P: Float[Tensor, "n k"], u: Float[Tensor, "*b n d"], v: Float[Tensor, "*b n k"]
    ) -> tuple[Float[Tensor, "*b n k"], Float[Tensor, "*b n d"]]:
        if not has_form(P):
            return super().tangent(P, u, v)
        along = [x.reshape(-1, *x.shape[-2:]) for x in (u, v)]
        d_velocity, d_rate = (torch.empty(x.shape, dtype=x.dtype) for x in (v, u))
        in_c.tangent(
            *self.how, *_arrays(self.points, P, *along, d_velocity.view(along[1].shape), d_rate.view(along[0].shape))
        )
        return d_velocity, d_rate

    def tangent_of_momenta(
        self, P: Float[Tensor, "n k"], v: Float[Tensor, "*b n k"]
    ) -> tuple[Float[Tensor, "*b n k"], Float[Tensor, "*b n d"]]:
        return self.tangent(P, v.new_zeros(*v.shape[:-1], self.q.shape[1]), v)


def _arrays(*tensors: Tensor) -> list[Any]:
    return [x.contiguous().numpy() for x in tensors]
