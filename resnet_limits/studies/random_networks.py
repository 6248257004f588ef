"""Networks and schemes with weights drawn anew in every layer, as functions of points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ..engines import default_engine
from ..networks.states import as_states
from ..random import Stream
from ..sampling.layer_law import Law
from ..sampling.schemes import Walker


@dataclass(frozen=True)
class LayerNoise:
    """Where the weights of the layers come from: their law, the horizon, the random numbers of so many replicas."""

    law: Law
    horizon: float
    stream: Stream
    replicas: int

    def ends(self, walkers: Sequence[Walker], x0: Float[Tensor, "n d"]) -> list[Float[Tensor, "r n d"]]:
        """The states of all walkers at the horizon, on one noise."""
        return [states[0] for states in self.states(walkers, x0, [max(walker.depth for walker in walkers)])]

    def states(
        self, walkers: Sequence[Walker], x0: Float[Tensor, "n d"], layers: Sequence[int]
    ) -> list[Float[Tensor, "layers r n d"]]:
        """The states of all walkers after these layers of the deepest, on one noise."""
        n, d = x0.shape
        pieces = []
        for first, count in default_engine().pieces(self.replicas, vectors=n * len(walkers), width=d, dtype=x0.dtype):
            start = x0.expand(count, n, d)
            seen = {0: [start for _ in walkers]}
            stream = replace(self.stream, first_replica=first)
            seen |= dict(
                default_engine().walk(
                    walkers, start, self.law, horizon=self.horizon, stream=stream, layers=sorted({*layers} - {0})
                )
                if any(layers)
                else ()
            )
            pieces.append([torch.stack([seen[k][i] for k in layers]) for i in range(len(walkers))])
        return [torch.cat(parts, dim=1) for parts in zip(*pieces, strict=True)]


@dataclass(frozen=True)
class RandomNetworks:
    """Random networks, or draws of an SDE by a scheme, called on points: `draws(x0)`, (n, d) -> (r, n, d).

    The weights are drawn for the points of a call, exact in law for all of them together: the same points give the
    same outputs, and points that are to share weights go into one call. `like` is a tensor (1, d) of the kind of the
    states.
    """

    walker: Walker
    noise: LayerNoise
    like: Float[Tensor, "1 d"]

    def __call__(self, x0: Any) -> Float[Tensor, "r n d"]:
        """The states at the horizon of points (n, d), or of one (d,): a tensor, an array or lists."""
        return self.noise.ends([self.walker], self._start(x0))[0]

    def at(self, x0: Any, times: Any) -> Float[Tensor, "times r n d"]:
        """The states after the layers nearest to these times, stacked in front."""
        moments = torch.as_tensor(times, dtype=torch.float64).reshape(-1)
        layers = (moments * (self.walker.depth / self.noise.horizon)).round().long().tolist()
        if not all(0 <= layer <= self.walker.depth for layer in layers):
            raise ValueError(f"times must lie in [0, {self.noise.horizon:g}], got {moments.tolist()}")
        return self.noise.states([self.walker], self._start(x0), layers)[0]

    def _start(self, x0: Any) -> Float[Tensor, "n d"]:
        return as_states(x0, self.like.shape[-1], self.like)
