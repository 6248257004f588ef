"""The normals of a layer, a row of its own for each replica.

A replica owns `ceil(size / 2)` words of the stream of its block: the first half of its normals are the cosines' of Box
and Muller, the second half the sines'. `random.normals` has the same law with pairs side by side; under one purpose the
numbers of the two are not independent.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from ..random import REPLICA_BLOCK, Stream
from ..random.on_device import fill_on_device


def noise(
    shape_after_replicas: tuple[int, ...],
    stream: Stream,
    *,
    replicas: int,
    dtype: torch.dtype,
    device: torch.device | str = "cpu",
) -> Float[Tensor, " R *shape"]:
    """Standard normals (replicas, *shape), a function of the stream, the replica and the shape."""
    size = math.prod(shape_after_replicas)
    kept = torch.float32 if dtype == torch.float32 else torch.float64
    numbers = torch.empty(replicas, size, dtype=kept, device=device)
    first = stream.first_replica
    fill_on_device(numbers, stream.key, layer=stream.layer, first_row=first, rows_a_block=REPLICA_BLOCK)
    return numbers.reshape(replicas, *shape_after_replicas).to(dtype)
