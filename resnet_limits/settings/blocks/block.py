"""The vector field of a layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..registry import Option, Registry


@dataclass
class Block(Option):
    """The vector field `f(x, theta)` of one layer."""

    options: ClassVar[Registry] = Registry("block", "settings.blocks", base="block")
    name: str
