"""Networks and Euler-Maruyama schemes of several depths on one noise, layer by layer.

    network           x <- x + phi(z)                                z = W psi(x) + b
    its SDE           x <- x + phi'(0) z + 1/2 phi''(0) v(x) h       the same z
    no Ito drift      x <- x + phi'(0) z                             (a control)

The weights of a layer of depth L are the sums of those of its m layers of depth m L: with i.i.d. Gaussian increments
the coarse network is driven by the fine one's noise. All act on the joint span of all the states.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from ..random import Stream
from .law import Law

Activation = Callable[[Tensor], Tensor]


@runtime_checkable
class Scheme(Protocol):
    """How a state is stepped by a pre-activation increment `z` (r, n, d) over a time `h`."""

    def features(self, x: Tensor) -> Tensor:
        """What the weights act on, (r, n, d)."""
        ...

    def step(self, x: Tensor, features: Tensor, z: Tensor, h: float) -> Tensor:
        """The next state."""
        ...


@dataclass(frozen=True)
class Walker:
    """A scheme at a depth."""

    scheme: Scheme
    depth: int


def walk(
    walkers: Sequence[Walker],
    x0: Float[Tensor, "r n d"],
    law: Law,
    *,
    horizon: float,
    stream: Stream,
    biased: Float[Tensor, " n"] | None = None,
) -> Iterator[tuple[int, list[Tensor]]]:
    """Step all walkers over `[0, horizon]` on one noise, from the same states.

    Each depth divides the deepest. Yields `(k, states)` after each layer k = 1..L of the deepest; the states of a
    shallower walker change when its own layer is complete. Memory does not grow with depth. `biased`: which of the n
    vectors of a walker the bias acts on (tangents have none); by default all.
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
        for i, (w, its) in enumerate(zip(walkers, z.split(n, dim=1), strict=True)):
            before = summed[i]
            total = its if before is None else before + its
            if (k + 1) % every[i] == 0:
                states[i] = w.scheme.step(states[i], features[i], total, h * every[i])
                features[i] = w.scheme.features(states[i])
                summed[i] = None
            else:
                summed[i] = total
        yield k + 1, list(states)


def final(
    walkers: Sequence[Walker],
    x0: Float[Tensor, "r n d"],
    law: Law,
    *,
    horizon: float,
    stream: Stream,
) -> list[Tensor]:
    """The states of all walkers at the horizon."""
    states = [x0 for _ in walkers]
    for _, now in walk(walkers, x0, law, horizon=horizon, stream=stream):
        states = now
    return states
