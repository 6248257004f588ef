"""How many points a data set has and how many are asked for, and the shape of its images.

Free of torch: a request is checked before it is run.
"""

from __future__ import annotations

from .. import settings
from ..errors import SettingError

AVAILABLE = {"digits": 1797}
"""Points of the sets that are split into training and test points."""

APART = {"mnist": (60000, 10000), "fashion_mnist": (60000, 10000), "cifar10": (50000, 10000)}
"""Training and test points of the sets that come with both."""

IMAGE_SHAPES = {"digits": (1, 8, 8), "mnist": (1, 28, 28), "fashion_mnist": (1, 28, 28), "cifar10": (3, 32, 32)}


def training_points(data: settings.Data) -> int | None:
    """Number of training points; None for a folder of images, which has to be read. Raises `SettingError`."""
    if data.name in APART:
        train, test = APART[data.name]
        part("test", data.test_size, test, data.name)
        return part("train", data.train_size, train, data.name)
    if isinstance(data, settings.Images):
        return None
    return split(data, AVAILABLE[data.name] if data.name in AVAILABLE else total(data))[0]


def image_shape(data: settings.Data) -> tuple[int, int, int] | None:
    """`(channels, height, width)` of the images whose pixels are the features of a point, in this order; None of
    points that are no images."""
    if isinstance(data, settings.ImageFolder):
        return (1 if data.grey else 3, data.size, data.size)
    return IMAGE_SHAPES.get(data.name)


def total(data: settings.Data) -> int:
    """Number of points to generate: a generated set has no size of its own, so null means nothing there."""
    if data.train_size is None or data.test_size is None:
        key = "train_size" if data.train_size is None else "test_size"
        raise SettingError(f"data.{key}: null takes all points, and {data.name} has no end; give a number")
    return data.train_size + data.test_size


def split(data: settings.Data, available: int) -> tuple[int, int]:
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
        raise SettingError(f"data.{which}_size={asked}: {name} has {available} {which} points")
    return available if asked is None else asked
