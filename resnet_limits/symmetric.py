"""Products of an array and its own transpose: half of the entries are computed, the others are copies."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def symmetric_product(x: Float[Tensor, "n m"]) -> Float[Tensor, "n n"]:
    """`x x^T`, symmetric to the last bit; `x` may be the transpose of an array.

    On a CPU by BLAS's symmetric rank-k update, which numpy takes where both factors are one array and torch does not;
    where derivatives are taken, and on a GPU, by torch's product.
    """
    if x.requires_grad or x.device.type != "cpu":
        return x @ x.T
    array = x.numpy()
    return torch.from_numpy(array @ array.T)
