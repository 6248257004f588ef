"""What the study `flow` refuses before it is run: what one can know without reading data. Free of torch."""

from __future__ import annotations

from collections.abc import Sequence

from ...data import sizes
from ...data.sources.digits import DigitsData
from ...data.sources.source import Data
from ...errors import SettingError, TooFewPoints
from ..chosen import asked_groups
from ..group import Group
from ..outside import unlabelled
from .images import claims as images
from .settings import Flow


def check(settings: Flow, groups: Sequence[Group]) -> None:
    """Raise `SettingError` for a law that is no path over depth, a grid that is not of the plane, and for more points
    than there are."""
    settings.init.require_path("flow")
    if settings.figure == "deformed_grid" and settings.width != 2:
        raise SettingError(
            f"width={settings.width}: figure=deformed_grid draws the plane, a state of width=2; figure=folding shows"
            " networks of any width"
        )
    if settings.figure in ("deformed_grid", "folding") and (reason := unlabelled(settings)):
        raise SettingError(f"{reason}, and figure={settings.figure} shows networks that classify")
    if images.GROUP in asked_groups(settings.claims, groups):
        _check_images(settings)
    asked = {"flow.inputs": settings.flow.inputs, "flow.points": settings.flow.points}
    sizes.require(settings.data, asked | {"train.batch_size": settings.train.batch_size})


def image_data(settings: Flow) -> Data:
    """What the convolutional networks see: the data themselves where they are images, else the bundled digits."""
    return settings.data if settings.data.shape() is not None else DigitsData()


GROUPS_OF_CHANNELS = 2
"""`GROUPS` of `networks.convolutional`, which is not free of torch."""
SMALLEST_IMAGE_SIDE = 4
"""Pixels a side of the smallest images: the last stage has one pixel then."""


def _check_images(settings: Flow) -> None:
    """Raise `SettingError` for convolutional networks that cannot be built, or trained on these images."""
    keys, data = settings.flow.images, image_data(settings)
    if keys.channels % GROUPS_OF_CHANNELS:
        raise SettingError(
            f"flow.images.channels={keys.channels}: group norm takes the channels in {GROUPS_OF_CHANNELS} groups of"
            " equal size; give an even number"
        )
    shape = data.shape()
    if shape is not None and min(shape[1:]) < SMALLEST_IMAGE_SIDE:
        raise SettingError(
            f"data.size={shape[1]}: images of {shape[2]} x {shape[1]} pixels are too small for three stages, each with"
            f" half as many pixels a side as the one before; take at least {SMALLEST_IMAGE_SIDE}"
        )
    points, new = sizes.numbers_of_points(data)
    if keys.batch_size > min(points, keys.points):
        raise TooFewPoints(
            "flow.images.batch_size", keys.batch_size, min(points, keys.points), data.named(), "training images"
        )
    if new == 0:
        raise SettingError("data: no test images are left to measure accuracies on; take a smaller data.train_size")
