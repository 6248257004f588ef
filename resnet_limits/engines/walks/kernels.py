"""Shallow networks of i.i.d. weights walked on a GPU (`kernels/walks.py`), up to each layer that is asked for in a
kernel. The normals are those of `sampling.noise` bit for bit, and R that of `sampling.span.triangle` up to rounding; a
replica's states are a function of its own normals, whichever others are walked with it."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ...random import REPLICA_BLOCK, Stream
from ...sampling.layer_law import Isotropic, Law
from ...sampling.schemes import ShallowNetwork, Walker
from ...sampling.span import many
from ..kernels.launch import THREADS_OF_A_WARP, launch_options

ROWS_OF_LARGEST_WALK = 16
"""States of all walkers together at most."""
BYTES_A_WARP, WARPS_OF_LARGEST_PROGRAM = 2**10, 16
"""Of states: they and what is made of them stay in registers (`tests/kernels.py`)."""


def without_kernel(walkers: Sequence[Walker], x0: Tensor, law: Law, activations: Collection[str]) -> str | None:
    """Why there is no kernel for this walk, or None."""
    if type(law) is not Isotropic:
        return f"walks of weights of law {type(law).__name__} have no kernel"
    schemes = {walker.scheme for walker in walkers}
    if len(schemes) > 1:
        return "walks of several schemes have no kernel"
    (scheme,) = schemes
    if type(scheme) is not ShallowNetwork or not {scheme.phi, scheme.psi} <= set(activations):
        return f"walks of {scheme} have no kernel"
    rows, d = len(walkers) * x0.shape[1], x0.shape[2]
    size = _power(rows) * _power(d) * x0.element_size()
    if rows > ROWS_OF_LARGEST_WALK or size > BYTES_A_WARP * WARPS_OF_LARGEST_PROGRAM or many(rows, d + 1):
        return f"walks of {rows} states of {d} numbers have no kernel"
    if torch.is_grad_enabled() and x0.requires_grad:
        return "derivatives of walks have no kernel"
    return None


def walk_by_kernel(
    walkers: Sequence[Walker],
    x0: Float[Tensor, "r n d"],
    law: Isotropic,
    *,
    horizon: float,
    stream: Stream,
    layers: Collection[int] | None,
) -> Iterator[tuple[int, list[Tensor]]]:
    """`Engine.walk` of what there is a kernel for."""
    from ..kernels import walks as kernels

    kernel: Any = kernels.walk_layers
    (r, n, d), deepest = x0.shape, max(walker.depth for walker in walkers)
    rows = len(walkers) * n
    scheme: Any = walkers[0].scheme
    states = x0.repeat(1, len(walkers), 1)
    sums, scratch = torch.zeros_like(states), torch.empty_like(states)
    size = math.sqrt(horizon / deepest)
    sizes = torch.tensor([size * law.sigma_w / math.sqrt(d), size * law.sigma_b], dtype=x0.dtype, device=x0.device)
    every = torch.tensor([deepest // walker.depth for walker in walkers], dtype=torch.int32).repeat_interleave(n)
    key = (int(np.uint64(k).astype(np.int64)) for k in stream.key)
    how = {"PHI": scheme.phi, "PSI": scheme.psi, "SINGLE": x0.dtype == torch.float32, "N": rows, "D": d}
    how |= options_of_walk(rows, d, x0.dtype)
    numbers = (every.to(x0.device), *key, stream.first_replica, REPLICA_BLOCK)
    done = 0
    for k in range(1, deepest + 1) if layers is None else sorted(k for k in layers if 0 < k <= deepest):
        kernel[(r,)](states, sums, scratch, sizes, *numbers, done, k - done, rows, **how)
        done = k
        yield k, [state.clone() for state in states.split(n, dim=1)]


def options_of_walk(rows: int, d: int, dtype: torch.dtype) -> dict[str, Any]:
    """How a kernel is cut, and of Triton's compiler: normals want no fused multiply-adds."""
    warps = min(max(_power(rows) * _power(d) * dtype.itemsize // BYTES_A_WARP, 1), WARPS_OF_LARGEST_PROGRAM)
    groups, pairs = THREADS_OF_A_WARP * warps, -(-rows * d // 2)
    words = -(-(pairs + 3) // (4 * groups)) * 4 * groups  # the first may begin within a group
    how = {"NP": _power(rows), "DP": _power(d), "GROUPS": groups, "WORDS": words}
    return {**how, **launch_options(warps, fused=False)}


def _power(number: int) -> int:
    """The power of two that is at least so large."""
    return 1 << (number - 1).bit_length()
