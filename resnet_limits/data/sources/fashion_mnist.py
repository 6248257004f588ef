"""Fashion-MNIST: 60000 + 10000 images of 28x28, 10 classes."""

from __future__ import annotations

from dataclasses import dataclass

from ...settings.keys import fixed
from .source import Images


@dataclass
class FashionMnist(Images):
    """Fashion-MNIST: 60000 + 10000 images of 28x28, 10 classes."""

    name: str = fixed("fashion_mnist", "Fashion-MNIST, 60000 + 10000 grey 28x28 images of clothes, 10 classes")
