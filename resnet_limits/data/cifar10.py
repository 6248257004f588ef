"""CIFAR-10, colour images of ten classes, 32 x 32: Krizhevsky 2009, "Learning multiple layers of features"."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .images import ImageArrays
from .vision import read


def images(root: Path) -> ImageArrays:
    """All 50000 + 10000 images in the order of the files. Raises `MissingData`, `DamagedData` naming the files.

    The files are pickles: they are opened only after their MD5 sums were found to be the published ones.
    """
    train, test = (read("cifar10", root, train=part) for part in (True, False))
    return ImageArrays(*_tensors(train), *_tensors(test), tuple(train.classes))


def _tensors(part: Any) -> tuple[Tensor, Tensor]:
    """Channels before height and width, as everywhere in torch."""
    x = torch.from_numpy(np.ascontiguousarray(part.data.transpose(0, 3, 1, 2)))
    return x, torch.tensor(part.targets, dtype=torch.int64)
