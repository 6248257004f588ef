"""Shallow networks of i.i.d. weights walked in C (`_walks.c`), one replica through many layers after the other.

The normals are those of `sampling.noise` bit for bit, and R of `sampling.span.triangle` up to rounding: Cholesky's
factor of the Gram matrix, or where that loses digits the one of Gram and Schmidt. A replica's states are a function of
its own normals, whichever others are walked with it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import forward_ad

from ...random import REPLICA_BLOCK, Stream
from ...sampling.layer_law import Isotropic, Law
from ...sampling.schemes import ShallowNetwork, Walker
from ...sampling.span import many

try:
    from .. import _walks  # pyright: ignore
except ImportError:  # no compiler at installation
    _walks = None

in_c: Any = _walks
"""The extension; None without."""
VECTORS_OF_LARGEST_SPAN = 64
"""States of all walkers together at most: a library's factor of a larger Gram matrix is faster."""
BYTES_OF_A_VECTOR = 64


def without_walk(walkers: Sequence[Walker], x0: Tensor, law: Law, activations: Collection[str]) -> str | None:
    """Why there is no compiled form of this walk, or None."""
    if in_c is None:
        return "there was no C compiler when reslim was installed"
    if type(law) is not Isotropic:
        return f"walks of weights of law {type(law).__name__} have no compiled form"
    for scheme in (walker.scheme for walker in walkers):
        if type(scheme) is not ShallowNetwork:
            return f"walks of {type(scheme).__name__} have no compiled form"
        if missing := [name for name in (scheme.phi, scheme.psi) if name not in activations]:
            return f"activation={missing[0]} has no compiled form"
    if len(walkers) * x0.shape[1] > VECTORS_OF_LARGEST_SPAN:
        return f"walks of more than {VECTORS_OF_LARGEST_SPAN} states have no compiled form"
    if forward_ad.unpack_dual(x0).tangent is not None or (torch.is_grad_enabled() and x0.requires_grad):
        return "derivatives of walks have no compiled form"
    return None


def walk_replicas(
    processor: str,
    walkers: Sequence[Walker],
    x0: Float[Tensor, "r n d"],
    law: Isotropic,
    *,
    horizon: float,
    stream: Stream,
    layers: Collection[int] | None,
) -> Iterator[tuple[int, list[Tensor]]]:
    """`Engine.walk` of what there is a compiled form of."""
    r, n, d = x0.shape
    deepest = max(walker.depth for walker in walkers)
    size = math.sqrt(horizon / deepest)
    of_vector = BYTES_OF_A_VECTOR // x0.element_size()
    x = x0.new_zeros(r, len(walkers) * n, -(-d // of_vector) * of_vector)
    x[..., :d] = x0.repeat(1, len(walkers), 1)
    sums = torch.zeros_like(x)
    schemes: list[Any] = [walker.scheme for walker in walkers]
    phis, psis = (tuple(getattr(scheme, name) for scheme in schemes) for name in ("phi", "psi"))
    layers_a_step = tuple(deepest // walker.depth for walker in walkers)
    how = (d, size * law.sigma_w / math.sqrt(d), size * law.sigma_b)
    numbers = (*map(int, stream.key), stream.first_replica, REPLICA_BLOCK)
    done, whole = 0, many(len(walkers) * n, d + 1)
    for k in range(1, deepest + 1) if layers is None else sorted(k for k in layers if 0 < k <= deepest):
        in_c.walk(processor, phis, psis, layers_a_step, x.numpy(), sums.numpy(), *how, *numbers, done, k - done, whole)
        done = k
        yield k, [state.clone() for state in x[..., :d].split(n, dim=1)]
