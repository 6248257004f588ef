"""Networks with their weight matrices, the slow way: what the samplers are held against."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

Step = Callable[[Tensor, Tensor], Tensor]
"""The next states, from states and pre-activations."""


def weights(
    depth: int, shape: tuple[int, int], *, sigma_w: float, sigma_b: float, h: float, seed: int = 1
) -> list[tuple[Tensor, Tensor]]:
    """`W` (r, d, d) and `b` (r, 1, d) of each layer, for `shape = (r, d)`."""
    torch.manual_seed(seed)
    r, d = shape
    drawn = []
    for _ in range(depth):
        W = torch.randn(r, d, d, dtype=torch.float64) * sigma_w * math.sqrt(h / d)
        drawn.append((W, torch.randn(r, 1, d, dtype=torch.float64) * sigma_b * math.sqrt(h)))
    return drawn


def network(x: Tensor, layers: list[tuple[Tensor, Tensor]], step: Step) -> Tensor:
    """`x <- step(x, W x + b)` on states (r, n, d)."""
    for W, b in layers:
        x = step(x, torch.bmm(x, W.mT) + b)
    return x


def residual(phi: Callable[[Tensor], Tensor]) -> Step:
    return lambda x, z: x + phi(z)


def deviation(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Difference of two estimates (value, standard error) in standard errors."""
    return abs(a[0] - b[0]) / math.hypot(a[1], b[1])
