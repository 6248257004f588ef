"""torch as it is, operation by operation; in training a backward pass written by hand, in memory that is kept.

    x_{k+1} = x_k + h f(x_k, theta_k)          forward, Euler steps, blocks that declare their `BlockPasses`
    g_k = g_{k+1} + h f_x^T g_{k+1},   dJ/dtheta_k = h f_theta^T g_{k+1}        backward, g_L = dJ/dx_L

The layers are cut into segments of about sqrt(L/2). Each pass over a segment writes into tensors that stay from step
to step, without autograd's graph of a node an operation, and the products that make the weight gradients are one
batch a segment, while its activations are still in the cache. A segment whose activations do not fit the memory
budget is computed a second time from its first state (Griewank 1992; Chen, Xu, Zhang & Guestrin 2016, arXiv
1604.06174): then memory grows like sqrt(L) and a step takes about a third longer. Kept or computed again, the
segments and every operation on them are the same, and so is every bit of the gradients.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from ..networks.blocks.block import BlockPasses, Segment
from ..networks.residual import forward, states
from ..networks.steps.euler import Euler
from ..networks.steps.step import Field, Step
from ..networks.vector_field import VectorField
from ..sampling.backward import recorded_pass
from ..sampling.pieces import piece_size
from ..sampling.tangent import tangents
from ..sampling.walk import walk
from .engine import Engine, Trunk

if TYPE_CHECKING:
    from ..random import Stream
    from ..sampling.layer_law import Law
    from ..sampling.schemes import Scheme, Walker
    from ..sampling.tape import Tape

MEGABYTE = 2**20
SHORTEST_SEGMENT = 8
"""Layers of a segment in a shallow network: fewer cost more in calls than they save."""


Layers = Mapping[str, Sequence[Tensor]]
"""A parameter's layers by name: `W` and `V` (r, o, i), `W^T` and `V^T` their transposes, `b` (r, o, 1)."""


class Eager(Engine):
    """torch operation by operation: the reference, on any device, for any step and block."""

    name = "eager"

    def trunk(self, memory: float) -> EagerTrunk:
        return EagerTrunk(memory)

    def forward(
        self, field: Field, step: Step, x0: Float[Tensor, "r n d"], weights: Mapping[str, Tensor], h: float
    ) -> Float[Tensor, "r n d"]:
        return forward(field, step, x0, weights, h)

    def states(
        self, field: Field, step: Step, x0: Float[Tensor, "r n d"], weights: Mapping[str, Tensor], h: float
    ) -> Float[Tensor, "layers r n d"]:
        return states(field, step, x0, weights, h)

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

    def act(
        self, law: Law, vectors: Float[Tensor, "r n d"], biased: Float[Tensor, " n"], h: float, stream: Stream
    ) -> Float[Tensor, "r n d"]:
        return law.act(vectors, biased, h, stream)

    def piece_size(self, vectors: int, width: int, dtype: torch.dtype) -> int:
        return piece_size(vectors, width, dtype)


class EagerTrunk(Trunk):
    """`residual.forward` with a backward pass of its own; called like it, and equal to it up to rounding.

    `memory` is the budget in MB for activations that wait for the backward pass; what does not fit is computed again.
    Other steps than Euler's, and blocks without `BlockPasses`, go through `residual.forward` and autograd, whatever the
    budget.
    """

    def __init__(self, memory: float) -> None:
        self.memory = memory
        self._shape: tuple = ()
        self._pass = 0
        self._segments: list[Segment | None] = []
        self._first_states: Tensor | None = None
        self._reused: Segment | None = None

    def __call__(
        self, field: Field, step: Step, x0: Float[Tensor, "r n d"], weights: Mapping[str, Tensor], h: float
    ) -> Float[Tensor, "r n d"]:
        """The output `x_L`; raises what `residual.forward` raises."""
        by_hand = field.block.passes if type(step) is Euler and isinstance(field, VectorField) else None
        if by_hand is None:
            return forward(field, step, x0, weights, h)
        output = _Function.apply(self, by_hand(field.phi, h), tuple(weights), x0, *weights.values())
        assert isinstance(output, Tensor)
        return output

    @property
    def elements(self) -> int:
        """Numbers held for the backward pass."""
        kept = [s for s in (*self._segments, self._reused) if s is not None]
        first = 0 if self._first_states is None else self._first_states.numel()
        return first + sum(segment.elements for segment in kept)

    def forward(self, passes: BlockPasses, x0: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
        theta = _layers(weights)
        depth = next(iter(weights.values())).shape[1]
        hidden = weights[passes.hidden_of].shape[2]
        self._prepare(depth, x0, hidden)
        self._pass += 1
        x = x0.mT
        for i, (start, stop) in enumerate(segments(depth)):
            segment = self._segment(i, stop - start)
            segment.x[0].copy_(x)
            if self._first_states is not None:
                self._first_states[i].copy_(x)
            passes.advance(segment, _part(theta, start, stop))
            x = segment.x[-1]
        return x.clone().mT

    def backward(
        self, passes: BlockPasses, g: Tensor, weights: Mapping[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        theta = _layers(weights)
        depth = next(iter(weights.values())).shape[1]
        gradients = {name: w.new_empty(depth, w.shape[0], *w.shape[2:]) for name, w in weights.items()}
        g = g.mT.clone(memory_format=torch.contiguous_format)
        filled = self._last_reused()  # by the forward pass, with activations not overwritten since
        for i, (start, stop) in reversed(list(enumerate(segments(depth)))):
            segment, part = self._segment(i, stop - start), _part(theta, start, stop)
            if self._segments[i] is None and i != filled:
                assert self._first_states is not None
                segment.x[0].copy_(self._first_states[i])
                passes.advance(segment, part)
            g = passes.pull_back(segment, part, g, {name: d[start:stop] for name, d in gradients.items()})
        return g.mT, {name: d.transpose(0, 1) for name, d in gradients.items()}

    def _prepare(self, depth: int, x0: Tensor, hidden: int) -> None:
        """Memory for this depth and batch; that of the last pass where they are the same."""
        r, n, d = x0.shape
        shape = (depth, r, n, d, hidden, x0.dtype, x0.device)
        if shape == self._shape:
            return
        self._shape, self._segments, self._reused, self._first_states = shape, [], None, None
        lengths = [stop - start for start, stop in segments(depth)]

        def segment(layers: int) -> Segment:
            return Segment(x0.new_empty(layers + 1, r, d, n), x0.new_empty(layers, r, hidden, n))

        budget = self.memory * MEGABYTE / x0.element_size() / (r * n)
        sizes = [(layers + 1) * d + layers * hidden for layers in lengths]
        kept = len(lengths)
        if sum(sizes) > budget:
            left = budget - len(lengths) * d - max(sizes)
            kept = 0
            while left >= sizes[-1 - kept]:  # the last ones, which the backward pass needs first
                left -= sizes[-1 - kept]
                kept += 1
            self._reused = segment(max(lengths))
            self._first_states = x0.new_empty(len(lengths), r, d, n)
        self._segments = [segment(layers) if i >= len(lengths) - kept else None for i, layers in enumerate(lengths)]

    def _segment(self, i: int, layers: int) -> Segment:
        segment = self._segments[i]
        if segment is not None:
            return segment
        assert self._reused is not None
        return self._reused.first(layers)

    def _last_reused(self) -> int:
        return max((i for i, segment in enumerate(self._segments) if segment is None), default=-1)


def segments(depth: int) -> list[tuple[int, int]]:
    """First layer and end of each segment. About sqrt(L/2) layers make the sum of first states and of one segment's
    activations, two tensors a layer, smallest. A function of the depth alone, so that no budget changes a bit."""
    length = max(SHORTEST_SEGMENT, math.ceil(math.sqrt(depth / 2)))
    return [(start, min(start + length, depth)) for start in range(0, depth, length)]


def _layers(weights: Mapping[str, Tensor]) -> dict[str, Sequence[Tensor]]:
    layers: dict[str, Sequence[Tensor]] = {}
    for name, w in weights.items():
        w = w.detach()
        layers[name] = (w.unsqueeze(-1) if w.dim() == 3 else w).unbind(1)
        if w.dim() == 4:
            layers[name + "^T"] = w.mT.unbind(1)
    return layers


def _part(theta: Layers, start: int, stop: int) -> Layers:
    return {name: layers[start:stop] for name, layers in theta.items()}


class _Function(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, trunk: EagerTrunk, passes: BlockPasses, names: tuple[str, ...], x0: Tensor, *weights: Tensor
    ) -> Tensor:
        x_last = trunk.forward(passes, x0, dict(zip(names, weights, strict=True)))
        ctx.trunk, ctx.passes, ctx.names, ctx.number = trunk, passes, names, trunk._pass
        ctx.save_for_backward(*weights)
        return x_last

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *cotangents: Tensor) -> Any:
        if ctx.number != ctx.trunk._pass:
            raise RuntimeError("the activations were used up or overwritten by a later forward pass of this Trunk")
        ctx.trunk._pass += 1
        weights = dict(zip(ctx.names, ctx.saved_tensors, strict=True))
        dx0, gradients = ctx.trunk.backward(ctx.passes, cotangents[0], weights)
        return None, None, None, dx0, *(gradients[name] for name in ctx.names)
