"""Ridge regression on the inputs, that of the kernels `constant + slope <z, z'>/d`; a classifier by least squares."""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.linalg import lstsq
from torch import Tensor

from ..symmetric import symmetric_product

POINTS_SUMMED_A_PIECE = 4096
"""Points whose normal equations are summed at a time."""


def affine_features(constant: float, slope: float, z: Float[Tensor, "n f"]) -> Float[Tensor, "n r"]:
    """Those of the kernel `constant + slope <z, z'>/d`, float64."""
    intercept = torch.full((len(z), 1), math.sqrt(constant), dtype=torch.float64)
    return torch.cat([intercept, math.sqrt(slope / z.shape[1]) * z.double()], dim=1)


def least_squares(a: np.ndarray, b: np.ndarray, driver: str = "gelsd") -> np.ndarray:
    """The least of the solutions; what is zero to rounding counts as zero."""
    solved = lstsq(a, b, cond=max(a.shape) * np.finfo(float).eps, lapack_driver=driver)
    assert solved is not None
    return solved[0]


MAX_ROUNDING_OVER_NOISE = 1e-6
"""Rounding of the normal equations, in units of the noise, up to which they serve."""


def _rows(constant: float, slope: float, x: Tensor, y: Tensor, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """A least squares problem of few rows with the solution of ridge regression: R of `(Z, y; noise^(1/2), 0)`."""
    size = x.shape[1] + 1
    triangle = np.eye(size, size + y.shape[1]) * math.sqrt(noise)
    for z, targets in zip(x.split(POINTS_SUMMED_A_PIECE), y.split(POINTS_SUMMED_A_PIECE), strict=True):
        rows = torch.cat([affine_features(constant, slope, z), targets.double()], dim=1).numpy()
        triangle = np.asarray(np.linalg.qr(np.vstack([triangle, rows]), mode="r"))
    return triangle[:, :size], triangle[:, size:]


def linear_ridge(
    constant: float,
    slope: float,
    x: Float[Tensor, "n f"],
    y: Float[Tensor, "n o"],
    new: Float[Tensor, "m f"],
    noise: float,
) -> Float[Tensor, "m o"]:
    """Ridge regression on the inputs by normal equations: penalties `noise d/slope` of the weights, `noise/constant`
    of the intercept; of the rows, by their QR, where normal equations would lose the noise to rounding. Without noise
    the least of the solutions, in these units."""
    size = x.shape[1] + 1
    gram, right = torch.zeros(size, size, dtype=torch.float64), torch.zeros(size, y.shape[1], dtype=torch.float64)
    for z, targets in zip(x.split(POINTS_SUMMED_A_PIECE), y.split(POINTS_SUMMED_A_PIECE), strict=True):
        Z = affine_features(constant, slope, z)
        gram += symmetric_product(Z.T)
        right.addmm_(Z.T, targets.double())
    lost = size * torch.finfo(torch.float64).eps * float(gram.trace())
    if noise and lost > MAX_ROUNDING_OVER_NOISE * noise:
        weights = torch.from_numpy(least_squares(*_rows(constant, slope, x, y, noise)))
    else:
        gram.diagonal().add_(noise)
        weights = torch.from_numpy(least_squares(gram.numpy(), right.numpy()))
    return torch.cat([affine_features(constant, slope, z) @ weights for z in new.split(POINTS_SUMMED_A_PIECE)])


def linear_classes(
    x: Float[Tensor, "n f"], labels: Int[Tensor, " n"], classes: int, new: Float[Tensor, "m f"]
) -> Int[Tensor, " m"]:
    """The classes of new points by least squares: indicators of the classes as affine functions of the points."""
    indicators = torch.nn.functional.one_hot(labels.cpu(), classes)
    return linear_ridge(1.0, float(x.shape[1]), x.cpu(), indicators.double(), new.cpu(), 0.0).argmax(dim=1)
