"""Replicas sampled at a time: pieces that stay in the cache.

    for first, count in pieces(replicas, vectors=2, width=500):
        walk(..., first_replica=first)      # with states (count, n, d)
    side_by_side(sample, pieces(...))       # the same on several threads: [sample(first, count), ...]

The size is a function of vectors, width and dtype alone, never of the memory that is free: results do not depend on it
(each replica has its own numbers, whichever are sampled with it), and the memory a walk takes grows with neither depth
nor the number of replicas.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

from .span import basis_size

Sampled = TypeVar("Sampled")

CACHE = 2**20
"""Bytes of the states of a piece: with its normals and intermediate results it stays in a cache of 2 MB."""

SMALLEST, LARGEST = 32, 4096
"""Replicas in a piece at least and at most. Powers of two, so that pieces and blocks of replicas are nested; 32, so
that a piece fills whole vector registers: what is left over is rounded by other instructions."""


def pieces(replicas: int, *, vectors: int, width: int, dtype: torch.dtype = torch.float64) -> Iterator[tuple[int, int]]:
    """`(first replica, count)` of each piece; `vectors`: all that the weights of a layer act on, a replica."""
    size = piece_size(vectors, width, dtype)
    for first in range(0, replicas, size):
        yield first, min(size, replicas - first)


def piece_size(vectors: int, width: int, dtype: torch.dtype = torch.float64) -> int:
    """Replicas of a piece: a power of two."""
    rows = max(vectors, basis_size(vectors, width + 1))
    fitting = max(CACHE // (rows * width * dtype.itemsize), 1)
    return min(max(1 << (fitting.bit_length() - 1), SMALLEST), LARGEST)


def side_by_side(sample: Callable[[int, int], Sampled], cut: Iterable[tuple[int, int]]) -> list[Sampled]:
    """`sample(first, count)` of each piece, in their order, `torch.get_num_threads()` at a time on a thread each.

    Most of a layer's time goes into random words, which one thread makes: pieces share the work better than each of
    torch's operations does. The results do not depend on the number of threads.
    """
    threads = torch.get_num_threads()
    if threads == 1:
        return [sample(first, count) for first, count in cut]
    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        return list(pool.map(lambda piece: sample(*piece), cut))
