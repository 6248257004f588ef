"""Classification as regression: targets are one-hot less their mean."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor


def one_hot(labels: Int[Tensor, " n"], classes: int) -> Float[Tensor, "n classes"]:
    """`1 - 1/classes` for the class, `-1/classes` for the others; float64."""
    return torch.nn.functional.one_hot(labels.long(), classes).double() - 1 / classes
