"""Files in the formats of MNIST and CIFAR-10, small ones and ones of the published size, written by the tests."""

from __future__ import annotations

import hashlib
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest

from resnet_limits.data.files import File
from resnet_limits.data.published import Published
from resnet_limits.data.sources.cifar10 import Cifar10Data

IDX = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def idx(array: np.ndarray) -> bytes:
    """The IDX format: two zeros, the type (8: bytes), the dimension, the sizes, the values."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


def mnist_arrays(train: int, test: int, side: int = 28) -> list[np.ndarray]:
    """Images and labels, training then test: noise on a background that depends on the label."""
    stream = np.random.default_rng(0)
    arrays = []
    for n in (train, test):
        labels = np.arange(n) % 10
        stream.shuffle(labels)
        images = stream.integers(0, 100, (n, side, side)) + 15 * labels[:, None, None]
        arrays += [images, labels]
    return arrays


def write_idx(folder: Path, arrays: list[np.ndarray]) -> None:
    folder.mkdir(parents=True)
    for name, array in zip(IDX, arrays, strict=True):
        (folder / name).write_bytes(idx(array))


def write_cifar(root: Path, images: int) -> None:
    """Batches of so many images each, in the layout of the published pickles: noise, brighter from class to class."""
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for i, file in enumerate(Cifar10Data.files[:-1]):
        stream = np.random.default_rng(i)
        labels = np.arange(images) % 10
        pixels = stream.integers(0, 100, (images, 3072)) + 15 * labels[:, None]
        batch = {"data": pixels.astype(np.uint8), "labels": labels.tolist()}
        (root / file.path).write_bytes(pickle.dumps(batch, protocol=2))
    names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": names}, protocol=2))


def publish(monkeypatch: pytest.MonkeyPatch, source: type[Published], root: Path) -> None:
    """Take the files that are under a root for the published ones."""
    files = tuple(
        File(f.path, len(content := (root / f.path).read_bytes()), hashlib.md5(content).hexdigest())
        for f in source.files
    )
    monkeypatch.setattr(source, "files", files)
