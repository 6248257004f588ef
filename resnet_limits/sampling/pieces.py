"""Replicas sampled at a time: pieces that stay in the cache.

The size is a function of vectors, width and dtype alone, never of the memory that is free. Results do not depend on it:
each replica has its own numbers and rounds in its own way, whichever are sampled with it. The memory a walk takes grows
with neither depth nor the number of replicas.
"""

from __future__ import annotations

import torch

from .span import basis_size

CACHE = 2**20
"""Bytes of the states of a piece: with its normals and intermediate results it stays in a cache of 2 MB."""

SMALLEST, LARGEST = 32, 4096
"""Replicas in a piece at least and at most. Powers of two, so that pieces, blocks of replicas and the batches of
`fixed_shape.py` are nested and little is padded. Speed alone."""


def piece_size(vectors: int, width: int, dtype: torch.dtype = torch.float64) -> int:
    """Replicas of a piece: a power of two."""
    rows = max(vectors, basis_size(vectors, width + 1))
    fitting = max(CACHE // (rows * width * dtype.itemsize), 1)
    return min(max(1 << (fitting.bit_length() - 1), SMALLEST), LARGEST)
