"""What a law of the weights over depth is: its keys, and how a path of it is drawn.

A new law is one file here, with a class of its name. Nothing here imports torch: `path` imports what draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...errors import SettingError
from ...settings.keys import key

if TYPE_CHECKING:
    from ..path import Draw, Path


@dataclass
class Init:
    """A law of the weights over depth."""

    name: str

    def path(self, draw: Draw) -> Path:
        """The path of one parameter. Raises `SettingError` for a law that is no function of time."""
        raise SettingError(f"init={self.name}: weights of this law are sampled layer by layer, by study=sde and kernel")


@dataclass
class Random(Init):
    """A law with weights of variance `sigma_w^2 / fan_in` and biases of variance `sigma_b^2` at every time."""

    sigma_w: float = key(1.0, "size of the weights: entries have variance sigma_w^2 / fan-in", low=0, high=100)
    sigma_b: float = key(0.5, "size of the biases: entries have variance sigma_b^2", low=0, high=100)
