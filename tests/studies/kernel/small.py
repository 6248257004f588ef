"""Settings of the study `kernel` that take seconds a group."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from resnet_limits.data.sources.digits import DigitsData
from resnet_limits.random import Stream
from resnet_limits.sampling.noise import noise
from resnet_limits.studies.kernel.settings import Kernel, KernelKeys

SMALL = Kernel(
    replicas=512,
    data=DigitsData(train_size=200),
    kernel=KernelKeys(inputs=3, networks=16, trained_depth=4, points=50, steps=20, deep_points=200),
)


def repeated(shape: tuple[int, ...], stream: Stream, **keywords: Any) -> Tensor:
    """Noise that repeats after 8 coordinates: means stay, and no more averages out over a greater width."""
    *rest, d = shape
    return noise((*rest, 8), stream, **keywords).repeat(1, *(1 for _ in rest), d // 8)
