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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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

    def room(self, count: int, x0: Tensor) -> Tensor:
        """Memory for so many numbers of activations."""
        return x0.new_empty(count)

    @abstractmethod
    def lay(self, x: Float[Tensor, "r n d"], into: Tensor) -> None:
        """States in this layout."""

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
    def pull_back(self, segment: Segment, start: int, g: Tensor, into: Any) -> Tensor:
        """`g`, dJ/dx of the last state, to dJ/dx of the first, and dJ/dtheta of its layers into gradients of all
        layers. Uses up `g` and the activations."""

    def written(self, gradients: Mapping[str, Tensor]) -> Any:
        """Gradients (depth, r, *shape) as `pull_back` takes them."""
        return gradients


PassesOf = Callable[[Field, Step, Tensor, float], Callable[[Weights], SegmentPasses] | None]
"""Field, step, `x_0` and h to what makes passes of weights, or None."""


@dataclass(frozen=True)
class SegmentRoom:
    """Activations of successive segments in one piece of memory, each array at a multiple of 64 bytes. Where a state
    ends at one, the last state of a segment is the first of the next."""

    state: tuple[int, ...]
    inner: tuple[int, ...]
    size: int
    """Bytes of a number."""

    def of_segments(self, lengths: Sequence[int]) -> int:
        """Numbers that segments of so many layers take."""
        return sum(self._step(layers) + self._filled(layers * math.prod(self.inner)) for layers in lengths) + (
            self._filled(math.prod(self.state)) if lengths else 0
        )

    def cut(self, lengths: Sequence[int], memory: Tensor) -> list[Segment]:
        of_state, of_inner = math.prod(self.state), math.prod(self.inner)
        at, inside = 0, sum(map(self._step, lengths)) + self._filled(of_state)
        made = []
        for layers in lengths:
            states = memory[at : at + (layers + 1) * of_state].view(layers + 1, *self.state)
            made.append(Segment(states, memory[inside : inside + layers * of_inner].view(layers, *self.inner)))
            at, inside = at + self._step(layers), inside + self._filled(layers * of_inner)
        return made

    def _step(self, layers: int) -> int:
        """Numbers from the first state of a segment to that of the next."""
        of_state = math.prod(self.state)
        return layers * of_state if self._filled(of_state) == of_state else self._filled((layers + 1) * of_state)

    def _filled(self, count: int) -> int:
        of_line = 64 // self.size
        return -(-count // of_line) * of_line


class SegmentedTrunk(Trunk):
    """`residual.forward` with a backward pass of its own; called like it, and equal to it up to rounding.

    `memory` is the budget in MB for activations that wait for the backward pass; what does not fit is computed again.
    Where `passes` are none, the loop with autograd is taken.
    """

    def __init__(self, memory: float, passes: PassesOf) -> None:
        self.memory, self.passes = memory, passes
        self._shape: tuple = ()
        self._pass = 0
        self._cuts: list[tuple[int, int]] = []
        self._segments: list[Segment | None] = []
        self._first_states: Tensor | None = None
        self._reused: Segment | None = None
        self._held = 0

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
        return self._held

    def forward(self, passes: SegmentPasses, x0: Tensor) -> Tensor:
        self._prepare(passes, x0)
        self._pass += 1
        x = None
        for i, (start, stop) in enumerate(self._cuts):
            segment = self._segment(i, stop - start)
            first = segment.states[0]
            if x is None:
                passes.lay(x0, first)
            elif x.data_ptr() != first.data_ptr():
                first.copy_(x)
            if self._first_states is not None:
                self._first_states[i].copy_(first)
            passes.advance(segment, start)
            x = segment.states[-1]
        assert x is not None
        return passes.read(x.clone())

    def backward(self, passes: SegmentPasses, g: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        weights, depth = passes.weights, passes.depth
        gradients = {name: w.new_empty(depth, w.shape[0], *w.shape[2:]) for name, w in weights.items()}
        g, into = passes.laid_costates(g), passes.written(gradients)
        filled = self._last_reused()  # by the forward pass, with activations not overwritten since
        for i, (start, stop) in reversed(list(enumerate(self._cuts))):
            segment = self._segment(i, stop - start)
            if self._segments[i] is None and i != filled:
                assert self._first_states is not None
                segment.states[0].copy_(self._first_states[i])
                passes.advance(segment, start)
            g = passes.pull_back(segment, start, g, into)
        return passes.read(g), {name: d.transpose(0, 1) for name, d in gradients.items()}

    def _prepare(self, passes: SegmentPasses, x0: Tensor) -> None:
        """Memory for this depth and batch; that of the last pass where they are the same."""
        state, inner = passes.shapes(x0)
        shape = (passes.depth, state, inner, x0.dtype, x0.device)
        if shape == self._shape:
            return
        self._shape, self._segments, self._reused, self._first_states = shape, [], None, None
        self._cuts = segments(passes.depth)
        lengths = [stop - start for start, stop in self._cuts]
        room = SegmentRoom(state, inner, x0.element_size())
        budget = self.memory * MEGABYTE / x0.element_size()
        kept = len(lengths)
        if room.of_segments(lengths) > budget:
            first_states = len(lengths) * math.prod(state)
            left = budget - first_states - room.of_segments([max(lengths)])
            kept = 0
            while room.of_segments(lengths[-1 - kept :]) <= left:  # the last ones, which the backward pass needs first
                kept += 1
            (self._reused,) = room.cut([max(lengths)], passes.room(room.of_segments([max(lengths)]), x0))
            self._first_states = x0.new_empty(len(lengths), *state)
        of_kept = lengths[len(lengths) - kept :]
        left_out = [None] * (len(lengths) - kept)
        self._segments = [*left_out, *room.cut(of_kept, passes.room(room.of_segments(of_kept), x0))]
        self._held = room.of_segments(of_kept)
        if self._first_states is not None:
            self._held += self._first_states.numel() + room.of_segments([max(lengths)])

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
        ctx.passes = make(dict(zip(names, weights, strict=True)))
        x_last = trunk.forward(ctx.passes, x0)
        ctx.trunk, ctx.names, ctx.number = trunk, names, trunk._pass
        ctx.save_for_backward(*weights)
        return x_last

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *cotangents: Tensor) -> Any:
        if ctx.number != ctx.trunk._pass:
            raise RuntimeError("the activations were used up or overwritten by a later forward pass of this Trunk")
        ctx.trunk._pass += 1
        _ = ctx.saved_tensors  # raises where weights were changed in place since
        dx0, gradients = ctx.trunk.backward(ctx.passes, cotangents[0])
        return None, None, None, dx0, *(gradients[name] for name in ctx.names)
