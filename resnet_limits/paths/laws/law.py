"""What a law of the weights over depth is: its keys, and how a path of it is drawn.

A new law is one file here, with a class of its name. Nothing here imports torch: `path` imports what draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ...errors import SettingError, one_of
from ...settings.keys import key
from ...settings.registry import Option, Registry

if TYPE_CHECKING:
    from ..path import Draw, Path


@dataclass
class Init(Option):
    """A law of the weights over depth."""

    options: ClassVar[Registry] = Registry("init", "paths.laws", base="law")
    name: str

    def path(self, draw: Draw) -> Path:
        """The path of one parameter. Raises `SettingError` for a law that is no function of time."""
        if self.name not in self.options:
            raise SettingError(f"init: unknown option {one_of(self.name, self.options)}")
        raise SettingError(f"init={self.name}: weights of this law are sampled layer by layer, by study=sde and kernel")


@dataclass
class Random(Init):
    """A law with weights of variance `sigma_w^2 / fan_in` and biases of variance `sigma_b^2` at every time."""

    sigma_w: float = key(1.0, "size of the weights: entries have variance sigma_w^2 / fan-in", low=0, high=100)
    sigma_b: float = key(0.5, "size of the biases: entries have variance sigma_b^2", low=0, high=100)
