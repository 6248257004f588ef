"""Exact inference with `K = F F^T`, F (N, r), in the dimension of the features: `F^T F` (r, r), never (N, N).

    mean      F_* U g(mu) U^T F^T y              F^T F = U mu U^T, g one of `filters`
    variance  noise F_* (F^T F + noise)^-1 F_*^T    (of the function: a new target has `noise` more)

For the affine kernel of a doubly infinite tanh network, `constant + slope <z, z'>/d`, this is ridge regression on the
inputs with penalties `noise d/slope` of the weights and `noise/constant` of the intercept. All of MNIST is an
eigen-decomposition of 785 x 785. float64 throughout, whatever the dtype of the points; memory is that of a few blocks.

Eigenvalues of `F^T F` are off by the rounding of the largest. Where that moves the weights, as with a tiny ridge, they
are made anew as squares of the singular values of F, by QR of its blocks: off by the rounding of F alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from ..symmetric import symmetric_product
from .filters import (
    MAX_ERROR_OF_COEFFICIENTS,
    Filter,
    check_ridge,
    cut,
    error_of_filter,
    ill_conditioned,
    ridge,
    singular,
)

Features = Callable[[Tensor], Tensor]
"""`F`: points (n, d) to features (n, r), float64; such as `LimitKernel.features`."""

FEATURE_POINTS_A_BLOCK = 4096
"""Points whose features are in memory at a time."""
MAX_ROUNDING_OF_WEIGHTS = 1e-6
"""Relative rounding of the weights up to which the eigenvalues of `F^T F` serve."""


@dataclass(frozen=True)
class FeatureRegression:
    """`F^T F = U mu U^T` (r, r) and `U^T F^T y` (r, outputs) of N training points, ready for any filter."""

    features: Features
    points: int
    values: Tensor  # mu, (r,), increasing
    vectors: Tensor  # U, (r, r)
    projected: Tensor  # U^T F^T y, (r, outputs)
    x: Tensor
    y: Tensor

    def weights(self, g: Filter) -> Float[Tensor, "r outputs"]:
        """`w` with predictions `F_* w`. Raises `Undetermined` where rounding may move them by
        `MAX_ERROR_OF_COEFFICIENTS`."""
        values, vectors, projected = self._decomposed(g)
        return vectors @ (g(values)[:, None] * projected)

    def _decomposed(self, g: Filter) -> tuple[Tensor, Tensor, Tensor]:
        """`mu`, `U` and `U^T F^T y`, exact enough for this filter."""
        eps = torch.finfo(self.values.dtype).eps
        of_y = eps * float(self.y.double().norm())
        off = of_y * float(self.values.max()) ** 0.5
        if error_of_filter(g, self.values, cut(self.values), self.projected, off) <= MAX_ROUNDING_OF_WEIGHTS:
            return self.values, self.vectors, self.projected
        sizes, vectors, projected = self._of_the_rows
        off = len(sizes) * eps * float(sizes.max())
        values = sizes.square()
        error = error_of_filter(g, values, (2 * sizes + off) * off, projected, of_y * (sizes + off))
        if error > MAX_ERROR_OF_COEFFICIENTS[torch.float64]:
            raise ill_conditioned(f"{self.points} points", error, float(values.sum()) / max(self.points, 1))
        return values, vectors, projected

    @cached_property
    def _of_the_rows(self) -> tuple[Tensor, Tensor, Tensor]:
        """Singular values of F (r,), its right vectors (r, r) and `U^T F^T y`, increasing."""
        triangle = None
        for start in range(0, len(self.x), FEATURE_POINTS_A_BLOCK):
            F = self.features(self.x[start : start + FEATURE_POINTS_A_BLOCK])
            rows = torch.cat(
                [F, self.y[start : start + FEATURE_POINTS_A_BLOCK].to(F)], dim=1
            )  # R of (F, y) holds Q^T y too
            triangle = torch.linalg.qr(rows if triangle is None else torch.cat([triangle, rows]), mode="r").R
        assert triangle is not None
        r = len(self.vectors)
        left, sizes, right = torch.linalg.svd(triangle[:, :r], full_matrices=False)
        projected = sizes[:, None] * (left.T @ triangle[:, r:])
        missing = r - len(sizes)  # fewer points than features
        if missing:
            right = torch.linalg.svd(triangle[:, :r]).Vh
            sizes, projected = (
                torch.cat([array, array.new_zeros(missing, *array.shape[1:])]) for array in (sizes, projected)
            )
        return sizes.flip(0), right.T.flip(1), projected.flip(0)

    def mean(self, x: Float[Tensor, "n d"], g: Filter) -> Float[Tensor, "n outputs"]:
        """Predictions at new points."""
        w = self.weights(g)
        return torch.cat([self.features(part) @ w for part in x.split(FEATURE_POINTS_A_BLOCK)])

    def variance(self, x: Float[Tensor, "n d"], noise: float) -> Float[Tensor, " n"]:
        """Posterior variance of the function at new points, equal for all outputs; 0 where it is known.

        Raises `SettingError` for a negative noise variance, `Undetermined` as `posterior`.
        """
        self._check(noise)
        values, vectors, _ = self._decomposed(ridge(noise))
        zero = values <= (cut(values) if values is self.values else 0.0)
        share = torch.where(zero, 1.0, noise / (values.where(~zero, torch.ones_like(values)) + noise))
        return torch.cat([(self.features(part) @ vectors).square() @ share for part in x.split(FEATURE_POINTS_A_BLOCK)])

    def posterior(
        self, x: Float[Tensor, "n d"], noise: float
    ) -> tuple[Float[Tensor, "n outputs"], Float[Tensor, " n"]]:
        """Mean and variance of the Gaussian process given noisy targets, `noise` the variance of the noise.

        Raises `SettingError` for a negative one, and `Undetermined` where it is 0 and `F F^T` is singular, as it is
        with more points than features: the data cannot be fitted exactly (`mean(x, pseudo_inverse)` fits them best).
        """
        self._check(noise)
        return self.mean(x, ridge(noise)), self.variance(x, noise)

    def _check(self, noise: float) -> None:
        check_ridge(noise)
        rank = int((self.values > cut(self.values)).sum())
        if noise == 0 and rank < self.points:
            scale = float(self.values.sum()) / max(self.points, 1)
            raise singular(f"{self.points} points, rank {rank}", scale)


def fit(
    features: Features,
    x: Float[Tensor, "n d"],
    y: Float[Tensor, "n outputs"],
    progress: Callable[[float], None] = lambda fraction: None,
) -> FeatureRegression:
    """Accumulate `F^T F` and `F^T y` over blocks of points, and decompose. `progress` hears the fraction done."""
    gram, right = None, None
    for start in range(0, len(x), FEATURE_POINTS_A_BLOCK):
        F = features(x[start : start + FEATURE_POINTS_A_BLOCK])
        if gram is None or right is None:
            gram, right = F.new_zeros(F.shape[1], F.shape[1]), F.new_zeros(F.shape[1], y.shape[1])
        gram += symmetric_product(F.T)
        right.addmm_(F.T, y[start : start + FEATURE_POINTS_A_BLOCK].to(F))
        progress(min(1.0, (start + FEATURE_POINTS_A_BLOCK) / len(x)))
    if gram is None or right is None:
        raise ValueError("no points to fit")
    values, vectors = torch.linalg.eigh(gram)
    return FeatureRegression(features, len(x), values.clamp(min=0), vectors, vectors.T @ right, x, y)
