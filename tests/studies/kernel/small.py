"""Settings of the study `kernel` that take seconds a group."""

from __future__ import annotations

from resnet_limits.data.sources.digits import DigitsData
from resnet_limits.studies.kernel.settings import Kernel, KernelKeys

SMALL = Kernel(
    replicas=512,
    data=DigitsData(train_size=200),
    kernel=KernelKeys(inputs=3, networks=16, trained_depth=4, points=50, steps=20, deep_points=200),
)
