"""How many points of a data set are asked for, and whether there are so many.

Free of torch: a request is checked before it is run.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import SettingError, TooFewPoints
from .sources.source import Data


def training_points(data: Data) -> int:
    """Number of training points. Raises `SettingError`; of a folder of images, which is looked at, `MissingData` and
    `DamagedData` too."""
    return numbers_of_points(data)[0]


def numbers_of_points(data: Data) -> tuple[int, int]:
    """Numbers of training and of test points. Raises as `training_points`, and for a single training point."""
    has, name = data.available(), data.named()
    if isinstance(has, tuple):
        counts = part("train", data.train_size, has[0], name), part("test", data.test_size, has[1], name)
    else:
        counts = split(data, data.total() if has is None else has)
    if counts[0] < 2 and not data.as_given:
        one = "one class" if data.labelled() else "one target"
        raise SettingError(f"data.train_size: {counts[0]} training point of {name} is of {one}; take more")
    return counts


def require(data: Data, asked: Mapping[str, int]) -> None:
    """Make sure that there are as many training points as each of these keys asks for. Raises `TooFewPoints`."""
    has = training_points(data)
    for key, value in asked.items():
        if value > has:
            raise TooFewPoints(key, value, has, data.named())


def split(data: Data, available: int) -> tuple[int, int]:
    """Numbers of training and test points of a set that is to be split."""
    train, test = data.train_size, data.test_size
    if train is None:
        train = available - (test or 0)
    if test is None:
        test = available - train
    if train < 1 or test < 0 or train + test > available:
        asked = {"data.train_size": data.train_size, "data.test_size": data.test_size}
        words = ", ".join(f"{key}={size}" for key, size in asked.items() if size is not None)
        raise SettingError(f"{words}: {data.name} has {available} points")
    return train, test


def part(which: str, asked: int | None, available: int, name: str) -> int:
    """Number of points of a part that the data set itself sets apart."""
    if asked is not None and asked > available:
        words = "training points" if which == "train" else "test points"
        raise TooFewPoints(f"data.{which}_size", asked, available, name, words)
    return available if asked is None else asked
