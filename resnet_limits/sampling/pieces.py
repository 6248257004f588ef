"""Replicas sampled at a time: pieces that stay in the cache.

The size is a function of vectors, width and dtype alone, never of the memory that is free. Results do not depend on it:
each replica has its own numbers and rounds in its own way, whichever are sampled with it. The memory a walk takes grows
with neither depth nor the number of replicas.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from .span import basis_size

BYTES_OF_STATES = 2**20
"""Bytes of the states of a piece: with its normals and intermediate results it stays in a cache of 2 MB."""

REPLICAS_OF_SMALLEST_PIECE, REPLICAS_OF_LARGEST_PIECE = 32, 4096
"""Replicas in a piece at least and at most. Powers of two, so that pieces, blocks of replicas and the batches of
`fixed_shape.py` are nested and little is padded. Speed alone."""


def piece_size(vectors: int, width: int, dtype: torch.dtype = torch.float64) -> int:
    """Replicas of a piece: a power of two."""
    rows = max(vectors, basis_size(vectors, width + 1))
    fitting = max(BYTES_OF_STATES // (rows * width * dtype.itemsize), 1)
    return min(max(1 << (fitting.bit_length() - 1), REPLICAS_OF_SMALLEST_PIECE), REPLICAS_OF_LARGEST_PIECE)


NUMBERS_ON_TAPE = 2**24
"""Numbers of the replicas that are kept for a backward pass at a time."""


def on_tape(replicas: int, numbers: int) -> Iterator[tuple[int, int]]:
    """`(first replica, count)` of each piece, of replicas that keep so many numbers each; the sizes are powers of two,
    so that pieces and blocks are nested."""
    fitting = max(NUMBERS_ON_TAPE // numbers, 1)
    size = min(max(1 << (fitting.bit_length() - 1), REPLICAS_OF_SMALLEST_PIECE), REPLICAS_OF_LARGEST_PIECE)
    for first in range(0, replicas, size):
        yield first, min(size, replicas - first)
