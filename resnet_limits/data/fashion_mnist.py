"""Fashion-MNIST, grey images of clothes in the format of MNIST: Xiao, Rasul & Vollgraf 2017, arXiv 1708.07747."""

from __future__ import annotations

from pathlib import Path

from . import mnist
from .images import ImageArrays


def images(root: Path) -> ImageArrays:
    """All 60000 + 10000 images in the order of the files. Raises `MissingData`, `DamagedData` naming the files."""
    return mnist.images(root, "fashion_mnist")
