"""A data set: standardised points for training and for testing, with labels or targets."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import DamagedData


@dataclass(frozen=True)
class Dataset:
    """Points (n, features) for training and for testing, with labels or with targets.

    Classification: labels 0 .. classes - 1, (n,), int64. Regression: targets (n, outputs), floating point, and
    `classes` is 0. Standardised over the training points: each feature and each target has mean 0 and variance 1 (one
    that is constant there is 0 there); of images, each channel over all its pixels. Test points and targets went
    through the same affine map. A source may give its points as they stand instead (`Data.as_given`). Points are
    float64, those of images float32: bytes hold no more.
    Raises `DamagedData` where shapes or labels do not fit.
    """

    name: str
    x_train: Tensor  # (train, features); the shapes are checked below, and not in tests alone
    y_train: Tensor  # (train,) or (train, outputs)
    x_test: Tensor  # (test, features)
    y_test: Tensor  # (test,) or (test, outputs)
    classes: int

    def __post_init__(self) -> None:
        for part, x, y in (("training", self.x_train, self.y_train), ("test", self.x_test, self.y_test)):
            if x.dim() != 2 or x.shape[1] != self.x_train.shape[1] or len(x) != len(y):
                raise DamagedData(
                    f"{self.name}: {part} points of shape {tuple(x.shape)} with labels or targets of shape"
                    f" {tuple(y.shape)}; expected (n, {self.features}) and (n,) or (n, outputs)"
                )
            if not self.is_classification and (y.dim() != 2 or y.shape[1:] != self.y_train.shape[1:]):
                raise DamagedData(f"{self.name}: {part} targets of shape {tuple(y.shape)}; expected (n, outputs)")
            if self.is_classification and (y.dim() != 1 or y.is_floating_point()):
                raise DamagedData(
                    f"{self.name}: {part} labels of shape {tuple(y.shape)}, {y.dtype}; expected integers (n,)"
                )
            if self.is_classification and len(y) and not 0 <= int(y.min()) <= int(y.max()) < self.classes:
                raise DamagedData(
                    f"{self.name}: {part} labels from {int(y.min())} to {int(y.max())} for {self.classes} classes"
                )

    @property
    def features(self) -> int:
        """Dimension of the points."""
        return self.x_train.shape[1]

    @property
    def is_classification(self) -> bool:
        """Whether there are labels and not targets."""
        return self.classes > 0

    @property
    def outputs(self) -> int:
        """Size of the read-out: the number of classes, or the dimension of the targets."""
        return self.classes or self.y_train.shape[1]

    def to(self, device: torch.device | str, dtype: torch.dtype) -> Dataset:
        """On a device; points and targets in a dtype."""
        x_train, y_train, x_test, y_test = (
            tensor.to(device, dtype if tensor.is_floating_point() else None)
            for tensor in (self.x_train, self.y_train, self.x_test, self.y_test)
        )
        return Dataset(self.name, x_train, y_train, x_test, y_test, self.classes)
