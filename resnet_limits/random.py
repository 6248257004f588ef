"""Random numbers as a function of what they are for: `(seed, purpose, layer, replica)`.

Philox (Salmon, Moraes, Dror & Shaw, SC 2011) is a keyed bijection of a counter. Seed and purpose make the key; layer
and block of replicas are the two high words of the 256-bit counter, whose low words count along the stream of that
block. Streams can therefore not overlap, and number i of a stream is a pure function of i: nothing depends on what
was drawn before, and any part of a stream is drawn without the rest. Normals are made on the CPU from the same bits
in either precision, so that devices and dtypes agree up to rounding.
"""

from __future__ import annotations

import functools
import hashlib
import math
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

REPLICA_BLOCK = 64
"""Replicas that share a stream, one after the other. Changing it changes every random number."""

PIECE = 2**17
"""Normals made at a time: about 1 MB, so that a piece stays in the cache. Changes speed alone."""


@functools.lru_cache(maxsize=4096)
def _key(seed: int, purpose: str) -> np.ndarray:
    name = int.from_bytes(hashlib.blake2b(purpose.encode(), digest_size=16).digest(), "little")
    return np.random.SeedSequence((seed, name)).generate_state(2, np.uint64)


def _bits(seed: int, purpose: str, layer: int = 0, block: int = 0, start: int = 0) -> np.random.Philox:
    """The stream of (seed, purpose, layer, block) from its `4 * start`-th 64-bit word."""
    counter = np.array([start, 0, layer, block], dtype=np.uint64)
    return np.random.Philox(key=_key(seed, purpose), counter=counter)


def generator(seed: int, purpose: str, layer: int = 0) -> np.random.Generator:
    """A numpy generator of its own for (seed, purpose, layer); give it a purpose that `normals` does not use."""
    return np.random.Generator(_bits(seed, purpose, layer))


def permutation(n: int, *, seed: int, purpose: str, index: int = 0) -> Int[Tensor, " n"]:
    """A uniform permutation of 0..n-1 (int64): the split of a data set, the order of mini-batches in epoch `index`."""
    return torch.from_numpy(generator(seed, purpose, index).permutation(n))


def normals(
    shape_after_replicas: tuple[int, ...],
    *,
    replicas: int,
    seed: int,
    purpose: str,
    layer: int = 0,
    dtype: torch.dtype = torch.float64,
    device: torch.device | str = "cpu",
    first_replica: int = 0,
) -> Float[Tensor, " R *shape"]:
    """Standard normals (replicas, *shape), a function of (seed, purpose, layer, replica) and the shape.

    Replica r has the same numbers whichever replicas are drawn with it: `first_replica` draws them in pieces.
    Different shapes under one (seed, purpose, layer) share numbers; give what must be independent its own purpose.
    """
    size = math.prod(shape_after_replicas)
    numbers = torch.empty(replicas, size, dtype=torch.float32 if dtype == torch.float32 else torch.float64)
    done = 0
    for block, skipped, taken in replica_blocks(first_replica, replicas):
        flat = numbers[done : done + taken].view(-1)
        for start in range(0, len(flat), PIECE):
            part = flat[start : start + PIECE]
            first = skipped * size + start
            stream_normals(seed, purpose, layer, block, first, len(part), part.dtype, out=part)
        done += taken
    return numbers.reshape(replicas, *shape_after_replicas).to(device=device, dtype=dtype)


def replica_blocks(first_replica: int, replicas: int) -> Iterator[tuple[int, int, int]]:
    """`(block, skipped, taken)`: of each block that holds wanted replicas, skip the first ones and take the next."""
    end = first_replica + replicas
    for block in range(first_replica // REPLICA_BLOCK, -(-end // REPLICA_BLOCK)):
        start = block * REPLICA_BLOCK
        skipped = max(first_replica - start, 0)
        yield block, skipped, min(end - start, REPLICA_BLOCK) - skipped


def stream_words(seed: int, purpose: str, layer: int, block: int, first: int, count: int) -> np.ndarray:
    """The 64-bit words `first, ..., first + count - 1` of one stream."""
    start, within = divmod(first, 4)  # Philox counts in groups of four words
    return _philox.at(_key(seed, purpose), start, layer, block).random_raw(within + count)[within:]


class _Philox(threading.local):
    """One generator a thread, set to a counter: making one takes five times as long."""

    def __init__(self) -> None:
        self.bits = np.random.Philox(key=0)
        self.state: Any = self.bits.state

    def at(self, key: np.ndarray, start: int, layer: int, block: int) -> np.random.Philox:
        counter = np.array([start, 0, layer, block], dtype=np.uint64)
        self.state["state"] = {"counter": counter, "key": key}
        self.bits.state = self.state  # its buffer was empty when it was read, as that of a new one is
        return self.bits


_philox = _Philox()


def stream_normals(
    seed: int,
    purpose: str,
    layer: int,
    block: int,
    first: int,
    count: int,
    dtype: torch.dtype = torch.float64,
    out: Float[Tensor, " count"] | None = None,
) -> Float[Tensor, " count"]:
    """The standard normals `first, ..., first + count - 1` of one stream (float64 or float32, CPU), or into `out`.

    Box & Muller (1958): two halves u, v of a 64-bit word give `sqrt(-2 log u) (cos 2 pi v, sin 2 pi v)`. A fixed
    number of bits a normal is what makes the stream readable from anywhere; the vectorised elementary functions
    make it twice as fast as numpy's rejection method. u has 32 bits: nothing beyond 6.7 standard deviations, where
    a normal has mass 3e-11.
    """
    pair = first // 2
    pairs = -(-(first + count) // 2) - pair
    words = stream_words(seed, purpose, layer, block, pair, pairs)
    halves = torch.from_numpy(words.view(np.int32)).view(pairs, 2)
    # The logarithm is taken in float64 in any case: near u = 1 a float32 u would leave the radius three digits.
    radius = halves[:, 0].double().add_(2.0**31 + 0.5).mul_(2.0**-32).log_().mul_(-2).to(dtype).sqrt_()
    angle = halves[:, 1].to(dtype).mul_(math.pi / 2**31)
    x = angle.cos().mul_(radius)
    y = angle.sin_().mul_(radius)
    if out is not None and first % 2 == count % 2 == out.storage_offset() % 2 == 0:
        torch.complex(x, y, out=torch.view_as_complex(out.view(pairs, 2)))
        return out
    numbers = torch.view_as_real(torch.complex(x, y)).view(-1)[first - 2 * pair :][:count]
    return numbers if out is None else out.copy_(numbers)
