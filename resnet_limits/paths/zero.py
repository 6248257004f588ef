"""Zero weights: the blocks are the identity until they are trained."""

from __future__ import annotations

import torch

from .path import Draw
from .tied import TiedPath


def zero_path(draw: Draw) -> TiedPath:
    """`theta(t) = 0`, whatever sigma."""
    return TiedPath(torch.zeros(draw.replicas, *draw.shape, dtype=draw.dtype, device=draw.device), draw.horizon)
