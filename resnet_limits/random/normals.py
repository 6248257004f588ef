"""Normals as a function of what they are for: a `Stream` and the replica; see the package."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from .on_device import fill_on_device
from .streams import Stream, key_of, philox

REPLICA_BLOCK = 64
"""Replicas that share a stream, one after the other. Changing it changes every random number."""

NORMALS_A_PIECE = 2**17
"""Normals to make at a time where what is done with them should find them in the cache. Changes speed alone."""


def generator(seed: int, purpose: str, layer: int = 0) -> np.random.Generator:
    """A numpy generator of its own for (seed, purpose, layer); give it a purpose that `normals` does not use."""
    return np.random.Generator(philox(key_of(seed, purpose), layer))


def permutation(n: int, *, seed: int, purpose: str, index: int = 0) -> Int[Tensor, " n"]:
    """A uniform permutation of 0..n-1 (int64): the split of a data set, the order of mini-batches in epoch `index`."""
    return torch.from_numpy(generator(seed, purpose, index).permutation(n))


def normals(
    shape_after_replicas: tuple[int, ...],
    stream: Stream,
    *,
    replicas: int,
    dtype: torch.dtype = torch.float64,
    device: torch.device | str = "cpu",
) -> Float[Tensor, " R *shape"]:
    """Standard normals (replicas, *shape), a function of the stream, the replica and the shape.

    Different shapes of one stream share numbers; give what must be independent its own purpose.
    """
    size = math.prod(shape_after_replicas)
    kept = torch.float32 if dtype == torch.float32 else torch.float64
    numbers = torch.empty(replicas, size, dtype=kept, device=device)
    done = 0
    for block, skipped, taken in replica_blocks(stream.first_replica, replicas):
        flat = numbers[done : done + taken].view(-1)
        stream_normals(stream, block, skipped * size, len(flat), flat.dtype, out=flat)
        done += taken
    return numbers.reshape(replicas, *shape_after_replicas).to(dtype)


def replica_blocks(first_replica: int, replicas: int) -> Iterator[tuple[int, int, int]]:
    """`(block, skipped, taken)`: of each block that holds wanted replicas, skip the first ones and take the next."""
    end = first_replica + replicas
    for block in range(first_replica // REPLICA_BLOCK, -(-end // REPLICA_BLOCK)):
        start = block * REPLICA_BLOCK
        skipped = max(first_replica - start, 0)
        yield block, skipped, min(end - start, REPLICA_BLOCK) - skipped


def stream_normals(
    stream: Stream,
    block: int,
    first: int,
    count: int,
    dtype: torch.dtype = torch.float64,
    out: Float[Tensor, " count"] | None = None,
) -> Float[Tensor, " count"]:
    """The standard normals `first, ..., first + count - 1` of one block of replicas of a stream, whichever its first
    replica (float64 or float32, CPU), or into `out`, on any device.

    Normals 2 i and 2 i + 1 are made of word i.
    """
    numbers = torch.empty(count, dtype=dtype) if out is None else out
    if first % 2 and count:  # the second of a pair whose first one is not wanted
        pair = torch.empty(2, dtype=numbers.dtype, device=numbers.device)
        _pairs(stream, block, first // 2, pair)
        numbers[:1] = pair[1:]
        _pairs(stream, block, first // 2 + 1, numbers[1:])
    else:
        _pairs(stream, block, first // 2, numbers)
    return numbers


def _pairs(stream: Stream, block: int, first_word: int, out: Tensor) -> None:
    where = {"layer": stream.layer, "first_row": block, "rows_a_block": 1, "first_word": first_word}
    fill_on_device(out[None], stream.key, side_by_side=True, **where)
