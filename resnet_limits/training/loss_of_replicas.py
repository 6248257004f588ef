"""The loss that fits a data set, one value a replica.

classification   mean over the points of -log softmax(scores)[label]
regression       mean over the points of |scores - target|^2 / 2, the square summed over the outputs
"""

from __future__ import annotations

from torch import Tensor

from ..networks.classifier import cross_entropy


def loss(scores: Tensor, targets: Tensor) -> Tensor:
    """The loss (r,) of scores (r, n, outputs) on labels (n,), integers, or on targets (n, outputs), floating point."""
    return half_mean_square(scores, targets) if targets.is_floating_point() else cross_entropy(scores, targets)


def half_mean_square(scores: Tensor, targets: Tensor) -> Tensor:
    """`mean_n |scores_n - target_n|^2 / 2`, (r,)."""
    return (scores - targets).square().sum(dim=2).mean(dim=1) / 2
