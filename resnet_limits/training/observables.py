"""What is seen of the weights while they train; `trunk` maps names to weights `(r, L, *shape)`.

    roughness          L sum_k |theta_{k+1} - theta_k|^2              int |theta'|^2 dt where the path is smooth
    largest_increment  max_k rms(theta_{k+1} - theta_k)               O(1/L) there, O(1) where it is not continuous
    gradient_norm      (L sum_k |dJ/dtheta_k|^2)^(1/2)                norm of the density L dJ/dtheta in L2(0, 1)

Each has a limit in the depth where the weight path has one, and is one value a replica, float64.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

LAYERS_A_PIECE = 32
"""Layers whose differences are made at a time: no temporary as large as all the layers."""


def increments(trunk: Mapping[str, Tensor]) -> Tensor:
    """`|theta_{k+1} - theta_k|^2` over all entries of a layer, (r, L - 1), float64."""
    r, depth = next(iter(trunk.values())).shape[:2]
    total = next(iter(trunk.values())).new_zeros(r, depth - 1, dtype=torch.float64)
    for w in trunk.values():
        for start in range(0, depth - 1, LAYERS_A_PIECE):
            steps = w[:, start : start + LAYERS_A_PIECE + 1].detach().diff(dim=1).flatten(2)
            total[:, start : start + LAYERS_A_PIECE] += torch.linalg.vector_norm(
                steps, dim=2, dtype=torch.float64
            ).square_()
    return total


def roughness(squares: Tensor) -> Tensor:
    """Of a path with these `increments`."""
    return (squares.shape[1] + 1) * squares.sum(dim=1)


def largest_increment(squares: Tensor, trunk: Mapping[str, Tensor]) -> Tensor:
    """Of a path with these `increments`; 0 for a single layer."""
    if not squares.shape[1]:
        return squares.new_zeros(len(squares))
    return (squares.amax(dim=1) / sum(w[0, 0].numel() for w in trunk.values())).sqrt()


def gradient_norm(gradients: Mapping[str, Tensor]) -> Tensor:
    """A parameter that all layers share counts once."""
    depth = max(g.shape[1] for g in gradients.values())
    norms = [torch.linalg.vector_norm(g, dim=tuple(range(2, g.dim()))) for g in gradients.values()]
    norms = [torch.nn.functional.pad(norm, (0, depth - norm.shape[1])) for norm in norms]
    return (depth * torch.stack(norms).double().square().sum(dim=(0, 2))).sqrt()
