"""MNIST, grey images of handwritten digits, 28 x 28: LeCun, Bottou, Bengio & Haffner, Proc. IEEE 86 (1998)."""

from __future__ import annotations

from pathlib import Path

from ..errors import DamagedData
from .images import ImageArrays
from .vision import read


def images(root: Path, name: str = "mnist") -> ImageArrays:
    """All 60000 + 10000 images in the order of the files. Raises `MissingData`, `DamagedData` naming the files."""
    try:
        train, test = (read(name, root, train=part) for part in (True, False))
    except (AssertionError, ValueError, RuntimeError) as error:  # torchvision asserts what the header of a file says
        raise DamagedData(f"data={name}: the files under {root} are not in the IDX format: {error}") from None
    return ImageArrays(train.data[:, None], train.targets, test.data[:, None], test.targets, tuple(train.classes))
