"""The normals of a layer, laid out for speed: the same Philox words in either precision, contiguous at every step.

A replica owns `ceil(size / 2)` 64-bit words of the stream of its block. Read as 32-bit halves, the first ones are radii
u, the last ones angles v; the first of the normals are `sqrt(-2 log u) cos 2 pi v`, the last are `sqrt(-2 log u)
sin 2 pi v` (Box & Muller 1958). `random.normals` has the same law with pairs side by side, and takes a third longer;
under one purpose the numbers of the two are not independent.
"""

from __future__ import annotations

import math
import threading

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..random import replica_blocks, stream_words

PIECE = 2**15
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

    at_once = max(PIECE // max(size, 1), 1)
    for start in range(0, replicas, at_once):
        part = numbers[start : start + at_once]
        words = [
            stream_words(seed, purpose, layer, block, skipped * pairs, taken * pairs)
            for block, skipped, taken in replica_blocks(first_replica + start, len(part))
        ]
        joined = words[0] if len(words) == 1 else np.concatenate(words)
        _normal(joined.view(np.int32).reshape(len(part), 2 * pairs), part.numpy())
    return numbers.reshape(replicas, *shape_after_replicas).to(device=device, dtype=dtype)


def _normal(halves: np.ndarray, out: np.ndarray) -> None:
    """Box and Muller: int32 (r, 2 pairs) to normals (r, size). numpy's calls cost less, torch's functions are fast."""
    pairs = halves.shape[1] // 2
    logarithm, radius, x, y = _memory.of((len(halves), pairs), out.dtype)
    # -2 log((u + 2^31 + 1/2) / 2^32). In float64 in any case: near 1 a float32 would leave the radius three digits.
    np.copyto(logarithm, halves[:, :pairs])
    logarithm += 2.0**31 + 0.5
    logarithm *= 2.0**-32
    torch.from_numpy(logarithm).log_()
    logarithm *= -2.0
    np.copyto(radius, logarithm, casting="same_kind")
    np.sqrt(radius, out=radius)
    np.copyto(y, halves[:, pairs:], casting="unsafe")
    y *= math.pi / 2**31
    angle = torch.from_numpy(y)
    torch.cos(angle, out=torch.from_numpy(x))
    angle.sin_()
    np.multiply(radius, x, out=out[:, :pairs])
    rest = out.shape[1] - pairs  # one less for an odd number of normals
    np.multiply(radius[:, :rest], y[:, :rest], out=out[:, pairs:])


class _Memory(threading.local):
    """What normals are made of, kept from piece to piece: memory that is fresh each time is memory out of the cache."""

    def __init__(self) -> None:
        self.kept: dict[np.dtype, tuple[np.ndarray, np.ndarray]] = {}

    def of(self, shape: tuple[int, int], dtype: np.dtype) -> list[np.ndarray]:
        """A float64 array and three of the dtype."""
        count = shape[0] * shape[1]
        if dtype not in self.kept or len(self.kept[dtype][0]) < count:
            self.kept[dtype] = np.empty(count), np.empty(3 * count, dtype=dtype)
        wide, others = self.kept[dtype]
        return [wide[:count].reshape(shape), *(others[: 3 * count].reshape(3, *shape))]


_memory = _Memory()
