"""`load`: a data set by its settings, split and standardised; `embed`: its points in the width of a network."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import asdict, replace
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import SettingError
from ..random import generator, permutation
from . import identity, sizes, sketch
from .dataset import Dataset
from .hashes import Listener
from .images import ImageArrays, channel_statistics, standardised
from .sources.source import Data, Images

T = TypeVar("T")


def load(data: Data, *, seed: int, progress: Listener = lambda message: None) -> Dataset:
    """The data set of these settings; points, split and noise are functions of the seed.

    The training points are the first `train_size` of a random order, the test points the last `test_size` of it, or,
    of a set with a test set of its own, the first of a random order of that: a larger training set contains the
    smaller one. Of a set of fixed size, null takes all that are left; no test points remain where all are trained on.
    A source whose points are taken as given keeps their order and their numbers.

    The last data set is kept in memory: do not write into its tensors. `progress` is told while many files are read.
    What is loaded is held against `data.digest`, where that is given: `DamagedData` where it is something else.
    Raises `SettingError` for more points than there are, or training points of one class or all with one target;
    `MissingData` and `DamagedData` naming the file.
    """
    if data.digest is None:
        data = replace(data, digest=identity.identity_of(data, report=progress).digest)
    key = (data.name, repr(sorted(asdict(data).items())), data.place(), seed)
    loaded = _kept(_LOADED, key, lambda: _load(data, seed, progress))
    sketch.compare_sketches(loaded, data, seed)
    return loaded


_LOADED: dict[Hashable, Dataset] = {}


_READ: dict[Hashable, ImageArrays] = {}


def _kept(last: dict[Hashable, T], key: Hashable, make: Callable[[], T]) -> T:
    """What was made last under this key, else made now; one is kept, because all the parts of a job ask for one."""
    if key not in last:
        last.clear()  # before, not after: two are never in memory at once
        last[key] = make()
    return last[key]


def forget() -> None:
    """Free the memory of the last data set; the next `load` reads the files again."""
    _LOADED.clear()
    _READ.clear()


def _load(data: Data, seed: int, progress: Listener) -> Dataset:
    if isinstance(data, Images):
        return _from_images(data, seed, progress)
    x, y = _all_points(data, seed)
    chosen, held_out = _parts(data, len(x), seed)
    train = len(chosen)
    points = _scaled(data, x, chosen)
    if regression := y.ndim == 2:
        if np.ptp(y[chosen], axis=0).min() == 0 and not data.as_given:
            raise SettingError(f"data.train_size: the {train} training targets of {data.name} are all equal; take more")
        values = _scaled(data, y, chosen)
    else:
        _check_classes(data, y[chosen], seed)
        values = torch.from_numpy(y.astype(np.int64))
    classes = 0 if regression else int(y.max()) + 1
    return Dataset(data.name, points[chosen], values[chosen], points[held_out], values[held_out], classes)


def _parts(data: Data, total: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The training and the test points among all: of one random order, or of one of each part that is set apart."""
    if not isinstance(there := data.available(), tuple):
        train, test = sizes.split(data, total)
        order = np.arange(total) if data.as_given else permutation(total, seed=seed, purpose="data.split").numpy()
        return order[:train], order[total - test :]
    train = sizes.part("train", data.train_size, there[0], data.named())
    test = sizes.part("test", data.test_size, there[1], data.named())
    chosen = permutation(there[0], seed=seed, purpose="data.split")[:train]
    held_out = permutation(there[1], seed=seed, purpose="data.split.test")[:test]
    return chosen.numpy(), there[0] + held_out.numpy()


def _from_images(data: Images, seed: int, progress: Listener) -> Dataset:
    images = _all_images(data, progress)
    train = sizes.part("train", data.train_size, len(images.x_train), data.name)
    test = sizes.part("test", data.test_size, len(images.x_test), data.name)
    chosen = permutation(len(images.x_train), seed=seed, purpose="data.split")[:train]
    held_out = permutation(len(images.x_test), seed=seed, purpose="data.split.test")[:test]
    _check_classes(data, images.y_train[chosen].numpy(), seed)
    statistics = channel_statistics(images.x_train, chosen)
    return Dataset(
        data.name,
        standardised(images.x_train, chosen, *statistics),
        images.y_train[chosen],
        standardised(images.x_test, held_out, *statistics),
        images.y_test[held_out],
        len(images.classes),
    )


def _scaled(data: Data, x: np.ndarray, chosen: np.ndarray) -> Tensor:
    return torch.from_numpy(x) if data.as_given else _standardised(x, chosen)


def _standardised(x: np.ndarray, chosen: np.ndarray) -> Tensor:
    """Each column with mean 0 and variance 1 over the chosen rows, 0 there where it is constant there."""
    mean, scale = x[chosen].mean(axis=0), x[chosen].std(axis=0)
    constant = np.ptp(x[chosen], axis=0) == 0  # and not std == 0, which rounding may miss
    scale[constant] = 1.0
    values = (x - mean) / scale
    values[np.ix_(chosen, constant)] = 0.0
    return torch.from_numpy(values)


def _check_classes(data: Data, labels: np.ndarray, seed: int) -> None:
    if len(np.unique(labels)) < 2:
        raise SettingError(
            f"data.train_size: the {len(labels)} training points of {data.name} are all of one class at seed {seed};"
            " take more of them"
        )


def embed(x: Float[Tensor, "n features"], width: int, *, seed: int) -> Float[Tensor, "n width"]:
    """`z = E x`, a fixed random matrix `E` (width, features) of independent `N(0, 1/features)` entries.

    `|z|^2 / width` is about `|x|^2 / features`, which is about 1 for standardised points. The first rows of `E` do not
    depend on the width. Returned in the dtype and on the device of `x`.
    """
    features = x.shape[1]
    matrix = generator(seed, "data.embed", features).standard_normal((width, features)) / features**0.5
    return x @ torch.from_numpy(matrix).to(x).T


def _all_points(data: Data, seed: int) -> tuple[np.ndarray, np.ndarray]:
    with identity.unchanged_while_loaded(data):
        return data.points(seed)


def _all_images(data: Images, progress: Listener) -> ImageArrays:
    """The images; from memory where those of this identity were read last, in the same way."""
    alike = {name: value for name, value in asdict(data).items() if name not in ("train_size", "test_size", "root")}

    def read_and_held() -> ImageArrays:
        with identity.unchanged_while_loaded(data, report=progress):
            return data.images(progress)

    return _kept(_READ, (data.place(), repr(sorted(alike.items()))), read_and_held)
