"""The normals of a layer, laid out for speed: the same Philox words in either precision, contiguous at every step.

A replica owns `ceil(size / 2)` 64-bit words of the stream of its block. Read as 32-bit halves, the first ones are radii
u, the last ones angles v; the first of the normals are `sqrt(-2 log u) cos 2 pi v`, the last are `sqrt(-2 log u)
sin 2 pi v` (Box & Muller 1958). `random.normals` has the same law with pairs side by side, and takes a third longer;
under one purpose the numbers of the two are not independent.

With several threads (`torch.set_num_threads`) pieces of replicas are drawn side by side; the numbers stay the same.
"""

from __future__ import annotations

import functools
import math
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..random import replica_blocks, stream_words

PIECE = 2**16
"""Normals made at a time, so that what they are made of stays in the cache. Changes speed alone."""


def noise(
    shape_after_replicas: tuple[int, ...],
    *,
    replicas: int,
    seed: int,
    purpose: str,
    layer: int,
    dtype: torch.dtype,
    device: torch.device | str = "cpu",
    first_replica: int = 0,
) -> Float[Tensor, " R *shape"]:
    """Standard normals (replicas, *shape), a function of (seed, purpose, layer, replica) and the shape."""
    size = math.prod(shape_after_replicas)
    pairs = -(-size // 2)
    numbers = torch.empty(replicas, size, dtype=torch.float32 if dtype == torch.float32 else torch.float64)

    def fill(start: int) -> None:
        part = numbers[start : start + at_once]
        words = [
            stream_words(seed, purpose, layer, block, skipped * pairs, taken * pairs)
            for block, skipped, taken in replica_blocks(first_replica + start, len(part))
        ]
        joined = words[0] if len(words) == 1 else np.concatenate(words)
        _normal(joined.view(np.int32).reshape(len(part), 2 * pairs), part)

    at_once = max(PIECE // max(size, 1), 1)
    starts = range(0, replicas, at_once)
    threads = torch.get_num_threads()
    if threads > 1 and len(starts) > 1:
        list(_pool(threads).map(fill, starts))
    else:
        for start in starts:
            fill(start)
    return numbers.reshape(replicas, *shape_after_replicas).to(device=device, dtype=dtype)


def _normal(halves: np.ndarray, out: Float[Tensor, "r size"]) -> None:
    """Box and Muller: int32 (r, 2 pairs) to normals."""
    u, v = torch.from_numpy(halves).chunk(2, dim=1)
    first, second = out.split([u.shape[1], out.shape[1] - u.shape[1]], dim=1)
    logarithm, radius, x, y = _memory.of(u.shape, out.dtype)
    # -2 log((u + 2^31 + 1/2) / 2^32). In float64 in any case: near 1 a float32 would leave the radius three digits.
    logarithm.copy_(u).add_(2.0**31 + 0.5).log_()
    radius.copy_(torch.sub(_OFFSET, logarithm, alpha=2, out=logarithm)).sqrt_()
    y.copy_(v).mul_(math.pi / 2**31)
    torch.cos(y, out=x)
    y.sin_()
    torch.mul(radius, x, out=first)
    if second.shape == y.shape:
        torch.mul(radius, y, out=second)
    else:  # of an odd number of normals
        second.copy_((radius * y)[:, : second.shape[1]])


_OFFSET = torch.tensor(64 * math.log(2), dtype=torch.float64)


class _Memory(threading.local):
    """What normals are made of, kept from piece to piece: memory that is fresh each time is memory out of the cache."""

    def __init__(self) -> None:
        self.kept: dict[torch.dtype, tuple[Tensor, Tensor]] = {}

    def of(self, shape: torch.Size, dtype: torch.dtype) -> list[Tensor]:
        """A float64 tensor and three of the dtype."""
        count = shape.numel()
        if dtype not in self.kept or len(self.kept[dtype][0]) < count:
            self.kept[dtype] = torch.empty(count, dtype=torch.float64), torch.empty(3 * count, dtype=dtype)
        wide, others = self.kept[dtype]
        return [wide[:count].view(shape), *(others[i * count : (i + 1) * count].view(shape) for i in range(3))]


_memory = _Memory()


@functools.lru_cache(maxsize=1)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))
