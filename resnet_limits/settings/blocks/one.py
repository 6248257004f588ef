"""`phi(W x + b)`."""

from __future__ import annotations

from dataclasses import dataclass

from ..keys import fixed
from .block import Block


@dataclass
class One(Block):
    """`phi(W x + b)`."""

    name: str = fixed("one", "phi(W x + b)")
