"""Fashion-MNIST, grey images of clothes in the format of MNIST: Xiao, Rasul & Vollgraf 2017, arXiv 1708.07747."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ...settings.keys import fixed
from ..files import File
from ..published import Idx, idx_files


@dataclass
class FashionMnistData(Idx):
    """Fashion-MNIST: 60000 + 10000 images of 28x28, 10 classes."""

    name: str = fixed("fashion_mnist", "Fashion-MNIST, 60000 + 10000 grey 28x28 images of clothes, 10 classes")

    torchvision: ClassVar[str] = "FashionMNIST"
    files: ClassVar[tuple[File, ...]] = idx_files("FashionMNIST", (None, None, None, None))
