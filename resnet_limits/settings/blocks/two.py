"""`V phi(W x + b)`."""

from __future__ import annotations

from dataclasses import dataclass

from ..keys import fixed, key
from .block import Block


@dataclass
class Two(Block):
    """`V phi(W x + b)`."""

    name: str = fixed("two", "V phi(W x + b)")
    hidden: int = key(32, "width inside the block: rows of W, columns of V", low=1, high=65536)
