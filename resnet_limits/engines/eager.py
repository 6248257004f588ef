"""torch as it is, operation by operation; in training a backward pass written by hand, over segments of the layers
(`trunks/segmented.py`). The products that make the weight gradients are one batch a segment, while its activations are
still in the cache."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from ..networks.blocks.block import BlockPasses, Segment
from ..networks.residual import forward, states
from ..networks.steps.euler import Euler
from ..networks.steps.step import Field, Step
from ..networks.vector_field import VectorField
from ..sampling.backward import recorded_pass
from ..sampling.pieces import piece_size
from ..sampling.tangent import tangents
from ..sampling.walk import walk
from .engine import Engine, computes
from .trunks.segmented import SegmentedTrunk, SegmentPasses, Weights

if TYPE_CHECKING:
    from ..random import Stream
    from ..sampling.layer_law import Law
    from ..sampling.schemes import Scheme, Walker
    from ..sampling.tape import Tape

Layers = Mapping[str, Sequence[Tensor]]
"""A parameter's layers by name: `W` and `V` (r, o, i), `W^T` and `V^T` their transposes, `b` (r, o, 1)."""


class Eager(Engine):
    """torch operation by operation: the reference, on any device, for any step and block."""

    name = "eager"

    def trunk(self, memory: float) -> SegmentedTrunk:
        return SegmentedTrunk(memory, self.passes)

    @computes
    def passes(
        self, field: Field, step: Step, x0: Float[Tensor, "r n d"], h: float
    ) -> Callable[[Weights], EagerPasses] | None:
        """What makes passes of weights, by a block's own derivative. Other steps than Euler's, and blocks without, go
        through `residual.forward` and autograd, whatever the budget: None."""
        by_hand = field.block.passes if type(step) is Euler and isinstance(field, VectorField) else None
        return None if by_hand is None else partial(EagerPasses, by_hand(field.phi, h))

    @computes
    def forward(
        self, field: Field, step: Step, x0: Float[Tensor, "r n d"], weights: Mapping[str, Tensor], h: float
    ) -> Float[Tensor, "r n d"]:
        return forward(field, step, x0, weights, h)

    @computes
    def states(
        self, field: Field, step: Step, x0: Float[Tensor, "r n d"], weights: Mapping[str, Tensor], h: float
    ) -> Float[Tensor, "layers r n d"]:
        return states(field, step, x0, weights, h)

    @computes
    def walk(
        self,
        walkers: Sequence[Walker],
        x0: Float[Tensor, "r n d"],
        law: Law,
        *,
        horizon: float,
        stream: Stream,
        layers: Collection[int] | None = None,
    ) -> Iterator[tuple[int, list[Tensor]]]:
        return walk(walkers, x0, law, horizon=horizon, stream=stream, layers=layers)

    @computes
    def tangents(
        self,
        walkers: Sequence[Walker],
        x0: Float[Tensor, "r n d"],
        u0: Float[Tensor, "r n m d"],
        law: Law,
        *,
        horizon: float,
        stream: Stream,
        layers: Collection[int] | None = None,
    ) -> Iterator[tuple[int, list[Tensor], list[Tensor]]]:
        return tangents(walkers, x0, u0, law, horizon=horizon, stream=stream, layers=layers)

    @computes
    def record(
        self,
        scheme: Scheme,
        x0: Float[Tensor, "r n d"],
        law: Law,
        *,
        depth: int,
        horizon: float,
        stream: Stream,
        u0: Float[Tensor, "r n m d"] | None = None,
    ) -> Tape:
        return recorded_pass(scheme, x0, law, depth=depth, horizon=horizon, stream=stream, u0=u0)

    @computes
    def act(
        self, law: Law, vectors: Float[Tensor, "r n d"], biased: Float[Tensor, " n"], h: float, stream: Stream
    ) -> Float[Tensor, "r n d"]:
        return law.act(vectors, biased, h, stream)

    def piece_size(self, vectors: int, width: int, dtype: torch.dtype) -> int:
        return piece_size(vectors, width, dtype)


class EagerPasses(SegmentPasses):
    """A block's `BlockPasses` on layers of tensors; states are (r, d, n), inputs in columns."""

    def __init__(self, by_hand: BlockPasses, weights: Weights) -> None:
        self.by_hand, self.weights = by_hand, weights
        self._theta = _layers(weights)

    def shapes(self, x0: Float[Tensor, "r n d"]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        r, n, d = x0.shape
        return (r, d, n), (r, self.weights[self.by_hand.hidden_of].shape[2], n)

    def lay(self, x: Float[Tensor, "r n d"], into: Tensor) -> None:
        into.copy_(x.mT)

    def laid_costates(self, g: Float[Tensor, "r n d"]) -> Tensor:
        return g.mT.clone(memory_format=torch.contiguous_format)

    def read(self, x: Tensor) -> Float[Tensor, "r n d"]:
        return x.mT

    def advance(self, segment: Segment, start: int) -> None:
        self.by_hand.advance(segment, self._part(segment, start))

    def pull_back(self, segment: Segment, start: int, g: Tensor, into: Mapping[str, Tensor]) -> Tensor:
        stop = start + len(segment.z)
        of_segment = {name: d[start:stop] for name, d in into.items()}
        return self.by_hand.pull_back(segment, self._part(segment, start), g, of_segment)

    def _part(self, segment: Segment, start: int) -> Layers:
        return {name: layers[start : start + len(segment.z)] for name, layers in self._theta.items()}


def _layers(weights: Weights) -> Layers:
    layers: dict[str, Sequence[Tensor]] = {}
    for name, w in weights.items():
        w = w.detach()
        layers[name] = (w.unsqueeze(-1) if w.dim() == 3 else w).unbind(1)
        if w.dim() == 4:
            layers[name + "^T"] = w.mT.unbind(1)
    return layers
