"""Networks with their weight matrices, the slow way: what the samplers are held against."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor


def layers(
    x: Tensor,
    depth: int,
    step: Callable[[Tensor, Tensor], Tensor],
    *,
    sigma_w: float,
    sigma_b: float,
    h: float,
    seed: int = 1,
) -> tuple[Tensor, list[Tensor]]:
    """`x <- step(x, W x + b)` on states (r, n, d), full matrices a replica; the states and the weights, with gradients."""
    torch.manual_seed(seed)
    r, _, d = x.shape
    weights = []
    for _ in range(depth):
        W = (torch.randn(r, d, d, dtype=x.dtype) * sigma_w * math.sqrt(h / d)).requires_grad_()
        b = torch.randn(r, 1, d, dtype=x.dtype) * sigma_b * math.sqrt(h)
        weights.append(W)
        x = step(x, torch.bmm(x, W.mT) + b)
    return x, weights


def residual(phi: Callable[[Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda x, z: x + phi(z)


def deviation(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Difference of two estimates (value, standard error) in standard errors."""
    return abs(a[0] - b[0]) / math.hypot(a[1], b[1])
