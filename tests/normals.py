"""Standard normal numbers of a seed, for inputs, weights and cotangents of tests."""

from __future__ import annotations

import torch
from torch import Tensor


def normals(*shape: int, seed: int = 0, scale: float = 1.0, dtype: torch.dtype = torch.float64) -> Tensor:
    """The same numbers in every precision, but for rounding."""
    drawn = torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (scale * drawn).to(dtype)
