"""The vector field of a layer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Block:
    """The vector field `f(x, theta)` of one layer."""

    name: str
