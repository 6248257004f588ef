"""How many points a data set has and how many are asked for, and the shape of its images.

Free of torch: a request is checked before it is run.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

from ..errors import SettingError, TooFewPoints
from . import image_folder
from .sources.gaussian import Gaussian
from .sources.image_folder import ImageFolder
from .sources.source import Data, Images, Plane

AVAILABLE = {"digits": 1797}
"""Points of the sets that are split into training and test points."""

APART = {"mnist": (60000, 10000), "fashion_mnist": (60000, 10000), "cifar10": (50000, 10000)}
"""Training and test points of the sets that come with both."""

IMAGE_SHAPES = {"digits": (1, 8, 8), "mnist": (1, 28, 28), "fashion_mnist": (1, 28, 28), "cifar10": (3, 32, 32)}


def training_points(data: Data) -> int:
    """Number of training points. Raises `SettingError`; of a folder of images, which is looked at, `MissingData` and
    `DamagedData` too."""
    return points(data)[0]


def points(data: Data) -> tuple[int, int]:
    """Numbers of training and of test points. Raises as `training_points`, and for a single training point."""
    if isinstance(data, Images):
        train, test = apart(data)
        found = part("train", data.train_size, train, named(data)), part("test", data.test_size, test, named(data))
    else:
        found = split(data, AVAILABLE[data.name] if data.name in AVAILABLE else total(data))
    if found[0] < 2:
        one = "one target" if isinstance(data, Gaussian) else "one class"
        raise SettingError(f"data.train_size: {found[0]} training point of {named(data)} is of {one}; take more")
    return found


def require(data: Data, asked: Mapping[str, int]) -> None:
    """Make sure that there are as many training points as each of these keys asks for. Raises `TooFewPoints`."""
    has = training_points(data)
    for key, value in asked.items():
        if value > has:
            raise TooFewPoints(key, value, has, named(data))


def apart(data: Images) -> tuple[int, int]:
    """All training and test points of a set that comes with both."""
    if not isinstance(data, ImageFolder):
        return APART[data.name]
    folder = image_folder.place(data)
    return _counted(folder) if data.digest is None else _known(folder, data.digest)


def _counted(folder: Path) -> tuple[int, int]:
    parts = [its.part for its in image_folder.files(folder)]
    return parts.count("train"), parts.count("test")


@functools.lru_cache(maxsize=64)
def _known(folder: Path, digest: str) -> tuple[int, int]:
    """Counted once for all jobs: files of one identity are as many."""
    return _counted(folder)


CLASSES = {"digits": 10, "mnist": 10, "fashion_mnist": 10, "cifar10": 10}


def classes(data: Data) -> int:
    """Number of classes; 0 of a regression. Raises as `training_points` for a folder."""
    if isinstance(data, ImageFolder):
        return len(image_folder.listing(image_folder.place(data)).classes)
    return 2 if isinstance(data, Plane) else CLASSES.get(data.name, 0)


def named(data: Data) -> str:
    """The name of some data for a message, with the folder where it is one's own."""
    return f"{data.name} ({image_folder.place(data)})" if isinstance(data, ImageFolder) else data.name


def image_shape(data: Data) -> tuple[int, int, int] | None:
    """`(channels, height, width)` of the images whose pixels are the features of a point, in this order; None of
    points that are no images."""
    if isinstance(data, ImageFolder):
        return (1 if data.grey else 3, data.size, data.size)
    return IMAGE_SHAPES.get(data.name)


def total(data: Data) -> int:
    """Number of points to generate: a generated set has no size of its own, so null means nothing there."""
    if data.train_size is None or data.test_size is None:
        key = "train_size" if data.train_size is None else "test_size"
        raise SettingError(f"data.{key}: null takes all points, and {data.name} has no end; give a number")
    return data.train_size + data.test_size


def split(data: Data, available: int) -> tuple[int, int]:
    """Numbers of training and test points of a set that is to be split."""
    train, test = data.train_size, data.test_size
    if train is None:
        train = available - (test or 0)
    if test is None:
        test = available - train
    if train < 1 or test < 0 or train + test > available:
        raise SettingError(
            f"data.train_size={data.train_size}, data.test_size={data.test_size}: {data.name} has {available} points"
        )
    return train, test


def part(which: str, asked: int | None, available: int, name: str) -> int:
    """Number of points of a part that the data set itself sets apart."""
    if asked is not None and asked > available:
        words = "training points" if which == "train" else "test points"
        raise TooFewPoints(f"data.{which}_size", asked, available, name, words)
    return available if asked is None else asked
