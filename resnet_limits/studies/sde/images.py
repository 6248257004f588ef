"""Patches of real images as inputs of a convolutional network: pixels lifted to D channels."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from ... import device
from ...data.loading import embed, load
from ...data.sources.digits import DigitsData
from ...data.sources.source import Data
from ...errors import SettingError
from .settings import Sde


def source(data: Data) -> Data:
    """The data themselves where they are images, else the bundled 8x8 digits."""
    return data if data.shape() is not None else DigitsData()


def patches(settings: Sde, *, side: int, width: int) -> Float[Tensor, "p d"]:
    """The first `sde.inputs` training images, averaged down to `side x side` pixels, each lifted to `width` channels.

    The read-in is one fixed random matrix for all pixels, `data.embed`. Positions run along the rows, image after
    image: p = inputs x side^2. Raises `SettingError` where there are fewer images.
    """
    data, count = source(settings.data), settings.sde.inputs
    images = load(data, seed=settings.seed).x_train
    if len(images) < count:
        raise SettingError(f"sde.inputs={count}: {data.name} has {len(images)} training points")
    shape = data.shape()
    assert shape is not None
    small = torch.nn.functional.adaptive_avg_pool2d(images[:count].double().reshape(count, *shape), side)
    points = small.permute(0, 2, 3, 1).reshape(-1, shape[0])
    return embed(points, width, seed=settings.seed).to(device.resolve(settings.device), getattr(torch, settings.dtype))
