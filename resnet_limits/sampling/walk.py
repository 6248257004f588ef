"""Networks and Euler-Maruyama schemes of several depths on one noise, layer by layer.

The weights of a layer of depth L are the sums of those of its m layers of depth m L: with i.i.d. Gaussian increments
the coarse network is driven by the fine one's noise. All act on the joint span of all the states.

Whoever wants a walk asks an engine (`engines/`); this loop is the eager one's, and what the others are held against.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from ..random import Stream
from .layer_law import Law
from .schemes import Walker


def walk(
    walkers: Sequence[Walker],
    x0: Float[Tensor, "r n d"],
    law: Law,
    *,
    horizon: float,
    stream: Stream,
    layers: Collection[int] | None = None,
    biased: Float[Tensor, " n"] | None = None,
) -> Iterator[tuple[int, list[Tensor]]]:
    """Step all walkers over `[0, horizon]` on one noise, from the same states.

    Each depth divides the deepest. Yields `(k, states)` after each layer k = 1..L of the deepest, or after those of
    `layers` alone; the states of a shallower walker change when its own layer is complete. Memory does not grow with
    depth. `biased`: which of the n vectors of a walker the bias acts on (tangents have none); by default all.
    """
    deepest = max(w.depth for w in walkers)
    h = horizon / deepest
    every = [deepest // w.depth for w in walkers]
    n = x0.shape[1]
    biased = (torch.ones(n) if biased is None else biased).repeat(len(walkers))
    states = [x0 for _ in walkers]
    features = [w.scheme.features(x0) for w in walkers]
    summed: list[Tensor | None] = [None for _ in walkers]
    for k in range(deepest):
        together = torch.cat(features, dim=1) if len(features) > 1 else features[0]
        z = law.act(together, biased, h, stream.at(k))
        for i, (w, increment) in enumerate(zip(walkers, z.split(n, dim=1), strict=True)):
            before = summed[i]
            total = increment if before is None else before + increment
            if (k + 1) % every[i] == 0:
                states[i] = w.scheme.step(states[i], features[i], total, h * every[i])
                features[i] = w.scheme.features(states[i])
                summed[i] = None
            else:
                summed[i] = total
        if layers is None or k + 1 in layers:
            yield k + 1, list(states)
