"""Images as bytes, with a test set of their own; and how they become points.

    z = (x - mean_c) / deviation_c        for each pixel x of channel c

One mean and one deviation a channel, over all training points and all pixels. A deviation for each pixel would blow
up those near the border, which are nonzero in one image of a thousand (MNIST), to values of thirty.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from ..errors import DamagedData

IMAGES_A_PIECE = 4096
"""Images converted at a time; changes memory alone."""


@dataclass(frozen=True)
class ImageArrays:
    """Training and test images, bytes (n, channels, height, width), their labels, and the names of the classes."""

    x_train: Tensor  # (train, channels, height, width); the shapes are checked below, and not in tests alone
    y_train: Tensor  # (train,)
    x_test: Tensor  # (test, channels, height, width)
    y_test: Tensor  # (test,)
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        for part, x, y in (("training", self.x_train, self.y_train), ("test", self.x_test, self.y_test)):
            if x.dim() != 4 or x.shape[1:] != self.x_train.shape[1:] or y.shape != x.shape[:1]:
                raise DamagedData(f"{part} images of shape {tuple(x.shape)} with labels of shape {tuple(y.shape)}")
            if len(y) and not 0 <= int(y.min()) <= int(y.max()) < len(self.classes):
                raise DamagedData(
                    f"{part} labels from {int(y.min())} to {int(y.max())} for {len(self.classes)} classes"
                )


def channel_statistics(
    x: UInt8[Tensor, "n channels height width"], chosen: Int[Tensor, " chosen"]
) -> tuple[Float[Tensor, " channels"], Float[Tensor, " channels"]]:
    """Mean and standard deviation of each channel over some images, float64, from sums of integers: exact.

    A channel that is constant has deviation 1: it becomes zero.
    """
    channels = x.shape[1]
    total, squares = torch.zeros(2, channels, dtype=torch.int64)
    for part in chosen.split(IMAGES_A_PIECE):
        values = x[part].transpose(0, 1).reshape(channels, -1).int()
        total += values.sum(dim=1, dtype=torch.int64)
        squares += values.square_().sum(dim=1, dtype=torch.int64)
    count = len(chosen) * x.shape[2] * x.shape[3]
    mean = total.double() / count
    spread = [(count * s2 - s1 * s1) / count**2 for s1, s2 in zip(total.tolist(), squares.tolist(), strict=True)]
    deviation = torch.tensor(spread, dtype=torch.float64).sqrt()
    return mean, torch.where(deviation == 0, 1.0, deviation)


def standardised(
    x: UInt8[Tensor, "n channels height width"],
    chosen: Int[Tensor, " chosen"],
    mean: Float[Tensor, " channels"],
    deviation: Float[Tensor, " channels"],
) -> Float[Tensor, "chosen features"]:
    """The chosen images as points (chosen, channels * height * width), float32: bytes hold no more."""
    points = torch.empty(len(chosen), *x.shape[1:], dtype=torch.float32)
    shift, scale = mean.float()[:, None, None], deviation.float()[:, None, None]
    for target, part in zip(points.split(IMAGES_A_PIECE), chosen.split(IMAGES_A_PIECE), strict=True):
        torch.div(x[part] - shift, scale, out=target)
    return points.flatten(1)
