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


def velocity_and_rate(
    q: Float[Tensor, "n d"], P: Float[Tensor, "n k"], scaled: float, processor: str | None = None
) -> tuple[Float[Tensor, "n k"], Float[Tensor, "n d"]]:
    """Both, with `scaled = 1/l^2`, for this kind of processor or the best."""
    velocity, rate = (torch.empty(x.shape, dtype=x.dtype) for x in (P, q))
    in_c.both(processor or PAIR_PROCESSORS[0], scaled, *_arrays(q, P, velocity, rate))
    return velocity, rate


def tangent(
    q: Float[Tensor, "n d"],
    P: Float[Tensor, "n k"],
    u: Float[Tensor, "*b n d"],
    v: Float[Tensor, "*b n k"],
    scaled: float,
    processor: str | None = None,
) -> tuple[Float[Tensor, "*b n k"], Float[Tensor, "*b n d"]]:
    """The derivatives of both along `(u, v)`."""
    along = [x.reshape(-1, *x.shape[-2:]) for x in (u, v)]
    d_rate, d_velocity = (torch.empty(x.shape, dtype=x.dtype) for x in along)
    in_c.tangent(processor or PAIR_PROCESSORS[0], scaled, *_arrays(q, P, *along, d_velocity, d_rate))
    return d_velocity.reshape(v.shape), d_rate.reshape(u.shape)


def _arrays(*tensors: Tensor) -> list[Any]:
    return [x.contiguous().numpy() for x in tensors]
