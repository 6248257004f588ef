"""Independent references: networks with full weight matrices, and tests of means and covariances."""

from __future__ import annotations

import math

import scipy.stats
import torch
from torch import Tensor

ERROR = 1e-6
"""Probability that a correct sampler fails one of the bounds, Gaussian approximation."""


def weights(replicas: int, width: int, sigma_w: float, sigma_b: float, h: float, seed: int) -> tuple[Tensor, Tensor]:
    """One layer's `W` (r, d, d) and `b` (r, 1, d), drawn entry by entry with torch's own generator."""
    stream = torch.Generator().manual_seed(seed)
    W = torch.randn(replicas, width, width, generator=stream, dtype=torch.float64) * sigma_w * math.sqrt(h / width)
    b = torch.randn(replicas, 1, width, generator=stream, dtype=torch.float64) * sigma_b * math.sqrt(h)
    return W, b


def points(n: int, width: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(n, width, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def worst_deviation(samples: Tensor, mean: Tensor, covariance: Tensor) -> float:
    """Largest deviation of sample means and covariances (s, v), as a multiple of its bound; at most 1 if all is right.

    The bounds hold for all entries together up to the probability `ERROR`; variances of products as of Gaussians.
    """
    s, v = samples.shape
    z = float(scipy.stats.norm.isf(ERROR / (v + v * v) / 2))
    variances = covariance.diagonal()
    centred = samples - mean
    means = centred.mean(dim=0) / (z * (variances / s).sqrt()).clamp(min=1e-12)
    spread = ((variances[:, None] * variances + covariance.square()) / s).sqrt()
    covariances = (centred.T @ centred / s - covariance) / (z * spread).clamp(min=1e-12)
    return max(float(means.abs().max()), float(covariances.abs().max()))


def different_means(first: Tensor, second: Tensor) -> float:
    """Largest difference of the means of two samples (s, v), as a multiple of its bound."""
    z = float(scipy.stats.norm.isf(ERROR / first.shape[1] / 2))
    error = (first.var(dim=0) / len(first) + second.var(dim=0) / len(second)).sqrt()
    return float(((first.mean(dim=0) - second.mean(dim=0)).abs() / (z * error)).max())
