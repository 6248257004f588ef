"""CIFAR-10: 50000 + 10000 colour images of 32x32, 10 classes."""

from __future__ import annotations

from dataclasses import dataclass

from ...settings.keys import fixed
from .source import Images


@dataclass
class Cifar10(Images):
    """CIFAR-10: 50000 + 10000 colour images of 32x32, 10 classes."""

    name: str = fixed("cifar10", "CIFAR-10, 50000 + 10000 colour 32x32 images, 10 classes")
