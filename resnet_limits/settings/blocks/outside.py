"""`W phi(x) + b`."""

from __future__ import annotations

from dataclasses import dataclass

from ..keys import fixed
from .block import Block


@dataclass
class Outside(Block):
    """`W phi(x) + b`."""

    name: str = fixed("outside", "W phi(x) + b")
