"""Trunks that go through the layers in segments, with a backward pass by hand, in memory that is kept.

    x_{k+1} = x_k + h f(x_k, theta_k)          forward, Euler steps
    g_k = g_{k+1} + h f_x^T g_{k+1},   dJ/dtheta_k = h f_theta^T g_{k+1}        backward, g_L = dJ/dx_L

The layers are cut into segments of about sqrt(L/2). Each pass over a segment writes into tensors that stay from step
to step, without autograd's graph of a node an operation. A segment whose activations do not fit the memory budget is
computed a second time from its first state (Griewank 1992; Chen, Xu, Zhang & Guestrin 2016, arXiv 1604.06174): then
memory grows like sqrt(L) and a step takes about a third longer. Kept or computed again, the segments and every
operation on them are the same, and so is every bit of the gradients.

What is the same for every engine stands here: where the segments are, what is kept of them, and when. An engine's
`SegmentPasses` say how states lie in memory, and go through a segment.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from ...networks.blocks.block import Segment
from ...networks.residual import forward
from ...networks.steps.step import Field, Step
from ..engine import Trunk

MEGABYTE = 2**20
SHORTEST_SEGMENT = 8
"""Layers of a segment in a shallow network: fewer cost more in calls than they save."""

Weights = Mapping[str, Tensor]
"""Parameters stacked over depth, (r, layers, *shape), by name."""


def segments(depth: int) -> list[tuple[int, int]]:
    """First layer and end of each segment. About sqrt(L/2) layers make the sum of first states and of one segment's
    activations, two tensors a layer, smallest. A function of the depth alone, so that no budget changes a bit."""
    length = max(SHORTEST_SEGMENT, math.ceil(math.sqrt(depth / 2)))
    return [(start, min(start + length, depth)) for start in range(0, depth, length)]


class SegmentPasses(ABC):
    """Passes over segments of one network's layers, in an engine's own layout; `weights` do not change meanwhile."""

    weights: Weights

    @property
    def depth(self) -> int:
        return next(iter(self.weights.values())).shape[1]

    @abstractmethod
    def shapes(self, x0: Float[Tensor, "r n d"]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Of a state of all replicas, and of what is kept of the inside of a block."""

    @abstractmethod
    def laid(self, x: Float[Tensor, "r n d"]) -> Tensor:
        """States in this layout, in memory that the caller may keep or that is x's own."""

    @abstractmethod
    def laid_costates(self, g: Float[Tensor, "r n d"]) -> Tensor:
        """Costates in this layout, in memory of their own."""

    @abstractmethod
    def read(self, x: Tensor) -> Float[Tensor, "r n d"]:
        """States or costates as they were; a view."""

    @abstractmethod
    def advance(self, segment: Segment, start: int) -> None:
        """Fill the segment, whose first layer is `start`, from its first state."""

    @abstractmethod
    def pull_back(self, segment: Segment, start: int, g: Tensor, gradients: Mapping[str, Tensor]) -> Tensor:
        """`g`, dJ/dx of the last state, to dJ/dx of the first, and dJ/dtheta of its layers into `gradients`
        (depth, r, *shape). Uses up `g` and the activations."""


class SegmentedTrunk(Trunk):
    """`residual.forward` with a backward pass of its own; called like it, and equal to it up to rounding.

    `memory` is the budget in MB for activations that wait for the backward pass; what does not fit is computed again.
    """

    def __init__(self, memory: float) -> None:
        self.memory = memory
        self._shape: tuple = ()
        self._pass = 0
        self._segments: list[Segment | None] = []
        self._first_states: Tensor | None = None
        self._reused: Segment | None = None

    @abstractmethod
    def passes(
        self, field: Field, step: Step, x0: Float[Tensor, "r n d"], h: float
    ) -> Callable[[Weights], SegmentPasses] | None:
        """What makes passes of weights, or None where the loop with autograd is to be taken."""

    def __call__(
        self, field: Field, step: Step, x0: Float[Tensor, "r n d"], weights: Weights, h: float
    ) -> Float[Tensor, "r n d"]:
        """The output `x_L`; raises what `residual.forward` raises."""
        make = self.passes(field, step, x0, h)
        if make is None:
            return forward(field, step, x0, weights, h)
        output = _Function.apply(self, make, tuple(weights), x0, *weights.values())
        assert isinstance(output, Tensor)
        return output

    @property
    def elements(self) -> int:
        """Numbers held for the backward pass."""
        kept = [s for s in (*self._segments, self._reused) if s is not None]
        first = 0 if self._first_states is None else self._first_states.numel()
        return first + sum(segment.elements for segment in kept)

    def forward(self, passes: SegmentPasses, x0: Tensor) -> Tensor:
        self._prepare(passes, x0)
        self._pass += 1
        x = passes.laid(x0)
        for i, (start, stop) in enumerate(segments(passes.depth)):
            segment = self._segment(i, stop - start)
            segment.states[0].copy_(x)
            if self._first_states is not None:
                self._first_states[i].copy_(x)
            passes.advance(segment, start)
            x = segment.states[-1]
        return passes.read(x.clone())

    def backward(self, passes: SegmentPasses, g: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        weights, depth = passes.weights, passes.depth
        gradients = {name: w.new_empty(depth, w.shape[0], *w.shape[2:]) for name, w in weights.items()}
        g = passes.laid_costates(g)
        filled = self._last_reused()  # by the forward pass, with activations not overwritten since
        for i, (start, stop) in reversed(list(enumerate(segments(depth)))):
            segment = self._segment(i, stop - start)
            if self._segments[i] is None and i != filled:
                assert self._first_states is not None
                segment.states[0].copy_(self._first_states[i])
                passes.advance(segment, start)
            g = passes.pull_back(segment, start, g, gradients)
        return passes.read(g), {name: d.transpose(0, 1) for name, d in gradients.items()}

    def _prepare(self, passes: SegmentPasses, x0: Tensor) -> None:
        """Memory for this depth and batch; that of the last pass where they are the same."""
        state, inner = passes.shapes(x0)
        shape = (passes.depth, state, inner, x0.dtype, x0.device)
        if shape == self._shape:
            return
        self._shape, self._segments, self._reused, self._first_states = shape, [], None, None
        lengths = [stop - start for start, stop in segments(passes.depth)]

        def segment(layers: int) -> Segment:
            return Segment(x0.new_empty(layers + 1, *state), x0.new_empty(layers, *inner))

        budget = self.memory * MEGABYTE / x0.element_size()
        of_state, of_inner = math.prod(state), math.prod(inner)
        sizes = [(layers + 1) * of_state + layers * of_inner for layers in lengths]
        kept = len(lengths)
        if sum(sizes) > budget:
            left = budget - len(lengths) * of_state - max(sizes)
            kept = 0
            while left >= sizes[-1 - kept]:  # the last ones, which the backward pass needs first
                left -= sizes[-1 - kept]
                kept += 1
            self._reused = segment(max(lengths))
            self._first_states = x0.new_empty(len(lengths), *state)
        self._segments = [segment(layers) if i >= len(lengths) - kept else None for i, layers in enumerate(lengths)]

    def _segment(self, i: int, layers: int) -> Segment:
        segment = self._segments[i]
        if segment is not None:
            return segment
        assert self._reused is not None
        return self._reused.first(layers)

    def _last_reused(self) -> int:
        return max((i for i, segment in enumerate(self._segments) if segment is None), default=-1)


class _Function(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, trunk: SegmentedTrunk, make: Any, names: tuple[str, ...], x0: Tensor, *weights: Tensor
    ) -> Tensor:
        x_last = trunk.forward(make(dict(zip(names, weights, strict=True))), x0)
        ctx.trunk, ctx.make, ctx.names, ctx.number = trunk, make, names, trunk._pass
        ctx.save_for_backward(*weights)
        return x_last

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *cotangents: Tensor) -> Any:
        if ctx.number != ctx.trunk._pass:
            raise RuntimeError("the activations were used up or overwritten by a later forward pass of this Trunk")
        ctx.trunk._pass += 1
        weights = dict(zip(ctx.names, ctx.saved_tensors, strict=True))
        dx0, gradients = ctx.trunk.backward(ctx.make(weights), cotangents[0])
        return None, None, None, dx0, *(gradients[name] for name in ctx.names)
