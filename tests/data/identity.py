"""Which point of a source each loaded point is, told by its content and not by its position.

Loaded points are `z = (x - b) / a`, with one map for each feature, or for each channel of images, that is unknown here.
It is found from the points themselves, and what is found is proved: every loaded point is, to rounding, one of the
source.
"""

from __future__ import annotations

import numpy as np

TELLING = 8
"""A feature with fewer values than this tells no points apart; its map is not guessed."""


def by_feature(loaded: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Index into `source` (n, f) of each point loaded (k, f), where each feature has a map of its own.

    The nearest points under a map that is guessed from the spread of all, again and again under the map that fits them.
    """
    z, x = loaded.astype(float), source.astype(float)
    telling = [f for f in range(z.shape[1]) if len(np.unique(z[:, f])) >= min(TELLING, len(z))]
    unit = x[:, telling].std(axis=0)
    there = x[:, telling] / unit
    guess = (z - z.mean(axis=0))[:, telling] / z[:, telling].std(axis=0) + there.mean(axis=0)
    before, nearest = None, _nearest(guess, there)
    while before is None or not np.array_equal(before, nearest):
        before, nearest = nearest, _nearest(_mapped(z[:, telling], there[nearest]), there)
    remainder = np.abs(_mapped(z, x[nearest]) - x[nearest]).max()
    assert remainder < 1e-4, f"some loaded points are none of the source: they are {remainder} off"
    return nearest


def by_channel(loaded: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Index into bytes `source` (n, channels, height, width) of each image loaded (k, features).

    The smallest difference of two values is one byte; the byte of the smallest value is the one that makes the first
    image, channel by channel, one of the source.
    """
    z, bytes_ = loaded.astype(float).reshape(len(loaded), *source.shape[1:]), []
    for c in range(source.shape[1]):
        values = np.unique(z[:, c])
        span = values[-1] - values[0]
        steps = np.rint((z[:, c] - values[0]) / span * np.rint(span / np.diff(values).min())).astype(int)
        there = {image.tobytes() for image in source[:, c]}
        fitting = [o for o in range(256 - steps.max()) if (steps[0] + o).astype(np.uint8).tobytes() in there]
        assert fitting, "some loaded images are none of the source"
        bytes_.append(steps + fitting[0])
    position = {image.tobytes(): i for i, image in enumerate(source)}
    assert len(position) == len(source), "two images of the source are alike"
    return np.array([position[image.tobytes()] for image in np.stack(bytes_, axis=1).astype(np.uint8)])


def _nearest(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    return ((others**2).sum(axis=1) - 2 * points @ others.T).argmin(axis=1)


def _mapped(z: np.ndarray, x: np.ndarray) -> np.ndarray:
    """`z` through the affine map of each column that brings it nearest to `x`."""
    z0, x0 = z.mean(axis=0), x.mean(axis=0)
    square = ((z - z0) ** 2).sum(axis=0)
    slope = ((z - z0) * (x - x0)).sum(axis=0) / np.where(square > 0, square, 1)
    return x0 + slope * (z - z0)
