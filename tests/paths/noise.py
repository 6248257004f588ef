"""Fractional Gaussian noise as one tensor, put together from the pieces that the laws of weights sum up."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from resnet_limits.paths.fractional import noise_pieces
from resnet_limits.random.streams import Stream


def fractional_gaussian_noise(
    steps: int,
    hurst: float,
    shape: tuple[int, ...] = (),
    *,
    replicas: int,
    seed: int,
    purpose: str,
    first_replica: int = 0,
) -> Tensor:
    """Unit noise (replicas, steps, *shape), every entry a path of its own."""
    noise = torch.empty(replicas, steps, math.prod(shape), dtype=torch.float64)
    stream = Stream(seed, purpose, first_replica=first_replica)
    for rows, columns, piece in noise_pieces(steps, hurst, noise.shape[2], replicas, stream):
        noise[rows, :, columns] = piece.transpose(1, 2)
    return noise.view(replicas, steps, *shape)
