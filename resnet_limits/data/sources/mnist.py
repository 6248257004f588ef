"""MNIST, grey images of handwritten digits, 28 x 28: LeCun, Bottou, Bengio & Haffner, Proc. IEEE 86 (1998)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ...settings.keys import fixed
from ..files import File
from ..published import Idx, idx_files


@dataclass
class MnistData(Idx):
    """MNIST: 60000 + 10000 images of 28x28, 10 classes."""

    name: str = fixed("mnist", "MNIST, 60000 + 10000 grey 28x28 images of digits, 10 classes")

    torchvision: ClassVar[str] = "MNIST"
    files: ClassVar[tuple[File, ...]] = idx_files(
        "MNIST",
        (
            "6bbc9ace898e44ae57da46a324031adb",
            "a25bea736e30d166cdddb491f175f624",
            "2646ac647ad5339dbf082846283269ea",
            "27ae3e4e09519cfbb04c329615203637",
        ),
    )
