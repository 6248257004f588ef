"""The keys of the study `toy`."""

from __future__ import annotations

from dataclasses import dataclass

from resnet_limits.paths.laws.law import Init
from resnet_limits.settings.base import Settings
from resnet_limits.settings.keys import fixed, key

from ..laws import Sine


@dataclass
class ToyKeys:
    """The keys that only the study `toy` has."""

    start: float = key(1.0, "x(0)", low=-10, high=10)


@dataclass
class Toy(Settings):
    """Settings of the study `toy`."""

    study: str = fixed("toy", "the study")
    depth: int = key(24, "number of residual blocks L", low=1, high=10**6)
    init: Init = key(lambda: Sine(sigma_w=0.5), "law of the weights over depth")
    toy: ToyKeys = key(ToyKeys, "keys of this study")
