"""CIFAR-10, colour images of ten classes, 32 x 32: Krizhevsky 2009, "Learning multiple layers of features"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ...settings.keys import fixed
from ..files import File
from ..hashes import Listener
from ..published import Published
from ..root import data_root

if TYPE_CHECKING:
    from torch import Tensor

    from ..images import ImageArrays


def _file(name: str, size: int, md5: str) -> File:
    return File(f"cifar-10-batches-py/{name}", size, md5)


@dataclass
class Cifar10Data(Published):
    """CIFAR-10: 50000 + 10000 colour images of 32x32, 10 classes."""

    name: str = fixed("cifar10", "CIFAR-10, 50000 + 10000 colour 32x32 images, 10 classes")

    apart: ClassVar[tuple[int, int]] = (50000, 10000)
    torchvision: ClassVar[str] = "CIFAR10"
    archive: ClassVar[str] = "cifar-10-python.tar.gz"
    files: ClassVar[tuple[File, ...]] = (
        _file("data_batch_1", 31035704, "c99cafc152244af753f735de768cd75f"),
        _file("data_batch_2", 31035320, "d4bba439e000b95fd0a9bffe97cbabec"),
        _file("data_batch_3", 31035999, "54ebc095f3ab1f0389bbae665268c751"),
        _file("data_batch_4", 31035696, "634d18415352ddfa80567beed471001a"),
        _file("data_batch_5", 31035623, "482c414d41f54cd18b22e5b47cb7c3cb"),
        _file("test_batch", 31035526, "40351d587109b95175f43aff81a1287e"),
        _file("batches.meta", 158, "5ff9c542aee3614f3951f8cda6e48888"),
    )

    def classes(self) -> int:
        return 10

    def shape(self) -> tuple[int, int, int]:
        return 3, 32, 32

    def images(self, progress: Listener) -> ImageArrays:
        """The files are pickles: they are opened only after their MD5 sums were found to be the published ones."""
        from ..images import ImageArrays
        from ..vision import torchvision_part

        train, test = (torchvision_part(self, data_root(self.root), train=part) for part in (True, False))
        return ImageArrays(*_tensors(train), *_tensors(test), tuple(train.classes))


def _tensors(part: Any) -> tuple[Tensor, Tensor]:
    """Channels before height and width, as everywhere in torch."""
    import numpy as np
    import torch

    x = torch.from_numpy(np.ascontiguousarray(part.data.transpose(0, 3, 1, 2)))
    return x, torch.tensor(part.targets, dtype=torch.int64)
