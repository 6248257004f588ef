"""`load`: a data set by its settings, split and standardised; `embed`: its points in the width of a network.

A new source is one file here, one dataclass in `settings.py` and one line in `_all_points`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from .. import settings
from ..errors import SettingError, one_of
from ..random import generator, permutation
from . import circles, digits, gaussian, moons, spirals


@dataclass(frozen=True)
class Dataset:
    """Points (n, features), float64, and labels 0 .. classes - 1, (n,), int64, for training and for testing.

    Each feature has mean 0 and variance 1 over the training points; one that is constant there is 0 there. The test
    points went through the same affine map.
    """

    name: str
    x_train: Float[Tensor, "train features"]
    y_train: Int[Tensor, " train"]
    x_test: Float[Tensor, "test features"]
    y_test: Int[Tensor, " test"]
    classes: int

    @property
    def features(self) -> int:
        return self.x_train.shape[1]


def load(data: settings.Data, *, seed: int) -> Dataset:
    """The data set of these settings; points, split and noise are functions of the seed.

    The training points are the first `train_size` of a random order, the test points its last `test_size`: a larger
    training set contains the smaller one. Of a set of fixed size, null takes all that are left; no test points remain
    where all are trained on. Raises `SettingError` for more points than there are, or training points of one class.
    """
    x, y = _all_points(data, seed)
    train, test = _sizes(data, len(x))
    order = permutation(len(x), seed=seed, purpose="data.split").numpy()
    chosen, held_out = order[:train], order[len(x) - test :]
    if len(np.unique(y[chosen])) < 2:
        raise SettingError(
            f"data.train_size: the {train} training points of {data.name} are all of one class at seed {seed};"
            " take more of them"
        )
    mean, scale = x[chosen].mean(axis=0), x[chosen].std(axis=0)
    constant = np.ptp(x[chosen], axis=0) == 0  # and not std == 0, which rounding may miss
    scale[constant] = 1.0
    standardised = (x - mean) / scale
    standardised[np.ix_(chosen, constant)] = 0.0
    points, labels = torch.from_numpy(standardised), torch.from_numpy(y.astype(np.int64))
    return Dataset(data.name, points[chosen], labels[chosen], points[held_out], labels[held_out], int(y.max()) + 1)


def embed(x: Float[Tensor, "n features"], width: int, *, seed: int) -> Float[Tensor, "n width"]:
    """`z = E x`, a fixed random matrix `E` (width, features) of independent `N(0, 1/features)` entries.

    `|z|^2 / width` is about `|x|^2 / features`, which is about 1 for standardised points. The first rows of `E` do not
    depend on the width. Returned in the dtype and on the device of `x`.
    """
    features = x.shape[1]
    matrix = generator(seed, "data.embed", features).standard_normal((width, features)) / features**0.5
    return x @ torch.from_numpy(matrix).to(x).T


def _all_points(data: settings.Data, seed: int) -> tuple[np.ndarray, np.ndarray]:
    if isinstance(data, settings.Digits):
        return digits.points()
    if isinstance(data, settings.Moons):
        return moons.points(_total(data), noise=data.noise, seed=seed)
    if isinstance(data, settings.Circles):
        return circles.points(_total(data), noise=data.noise, seed=seed)
    if isinstance(data, settings.Spirals):
        return spirals.points(_total(data), noise=data.noise, seed=seed)
    if isinstance(data, settings.Gaussian):
        return gaussian.points(_total(data), features=data.features, seed=seed)
    raise SettingError(f"data: unknown option {one_of(data.name, settings.CHOICES[settings.Data])}")


def _total(data: settings.Data) -> int:
    """Number of points to generate: a generated set has no size of its own, so null means nothing there."""
    if data.train_size is None or data.test_size is None:
        key = "train_size" if data.train_size is None else "test_size"
        raise SettingError(f"data.{key}: null takes all points, and {data.name} has no end; give a number")
    return data.train_size + data.test_size


def _sizes(data: settings.Data, available: int) -> tuple[int, int]:
    """Numbers of training and test points."""
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
