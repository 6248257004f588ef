"""Blocks: one file each, with formula, keys, derivative, bounds and means; `block.py` says what a block is.

one       phi(W x + b)            W (d, d), b (d,)
outside   W phi(x) + b            W (d, d), b (d,)
two       V phi(W x + b)          V (d, m), W (m, d), b (m,)
prenorm   V phi(W x/rms(x) + b)   V (d, m), W (m, d), b (m,)
gradient  K^T phi(K x + b)        K (m, d), b (m,)

Free of torch, until a field is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .block import Block

if TYPE_CHECKING:
    from ..vector_field import VectorField


def field(block: Block, activation: str, width: int) -> VectorField:
    """The vector field of a block at this width. Raises `SettingError` for an activation that does not exist."""
    from ..vector_field import VectorField

    return VectorField(block, activation, width)
