"""Compiled C: Euler steps of blocks one, outside and two, one pass a layer through the cache.

    forward    z = W x + b, phi(z) and x + h phi(z) of one replica at a time, while they are in the cache
    backward   g + h W^T (phi'(z) g) and the gradients of the layer's weights, likewise

Random networks are walked as `walks/replicas.py` says. `_compiled.c` says what is compiled, and how; an extension that
is left out where no compiler was at installation.
States lie inputs side by side, (r, d, n), n filled up to a multiple of 64 bytes: by the last input again, with costates
of zero. Replicas are shared out over the threads that torch is given, where each has work for more than it takes to
start one. A state is the same bit for bit whatever other inputs and replicas it is computed with, and on however many
threads.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import forward_ad

from ..errors import SettingError
from ..networks.blocks.block import Segment
from ..networks.residual import forward, states
from ..networks.steps.euler import Euler
from ..networks.steps.step import Field, Step
from ..networks.vector_field import VectorField
from ..sampling.layer_law import Isotropic
from ..sampling.pieces import piece_size
from .engine import Engine, computes
from .trunks.segmented import SegmentedTrunk, SegmentPasses, Weights
from .walks.replicas import (
    act_on_replicas,
    recorded_replicas,
    walk_replicas,
    without_law,
    without_vectors,
    without_walk,
)

try:
    from . import _compiled  # pyright: ignore
except ImportError:  # no compiler at installation
    _compiled = None

if TYPE_CHECKING:
    from ..random import Stream
    from ..sampling.layer_law import Law
    from ..sampling.schemes import Scheme, Walker
    from ..sampling.tape import Tape

layers: Any = _compiled
"""The extension; None without."""
PROCESSORS: tuple[str, ...] = () if layers is None else layers.PROCESSORS
"""The kinds of processor that this is one of and code is compiled for, the best first; none without the extension."""
BYTES_OF_A_VECTOR = 64
WIDTH_OF_WIDEST_LAYER = 2048
"""Rows and columns at most: up to here it was measured to be faster than the eager engine, on one core."""
BYTES_OF_A_CHUNK = 2**14
"""Of the states of inputs that go through all layers together: they stay in the first cache. Speed alone."""


Arrays = tuple[np.ndarray | None, np.ndarray, np.ndarray]
"""`(V, W, b)`, V None where there is none."""


class Compiled(Engine):
    """Refuses in words what it has no compiled form of; `auto` does not."""

    name = "compiled"

    def __init__(self, processor: str | None = None) -> None:
        self.processor = processor or next(iter(PROCESSORS), "")

    def way(self, device: str) -> str:
        return f"{self.name} for {self.processor}"

    # -- what there is a form of ------------------------------------------------------------------

    def without(self, field: Field, step: Step, x0: Tensor) -> str | None:
        """Why there is no compiled form of these layers, or None."""
        if reason := self.missing():
            return reason
        if type(step) is not Euler:
            return f"step {step.name} has no compiled form"
        if not isinstance(field, VectorField):
            return "a field that is no block has no compiled form"
        width = max(max(shape) for shape in field.shapes.values())
        return self.without_form(field.block.name, field.activation, width) or self.without_kind(x0.device, x0.dtype)

    @staticmethod
    def missing() -> str | None:
        """Why nothing is compiled here, or None."""
        return None if PROCESSORS else "there was no C compiler when reslim was installed"

    @staticmethod
    def without_form(block: str, activation: str, width: int) -> str | None:
        """Why no block of this name is compiled with this activation at this width, or None."""
        if block not in layers.BLOCKS:
            return f"block={block} has no compiled form"
        if activation not in layers.ACTIVATIONS:
            return f"activation={activation} has no compiled form"
        return (
            f"matrices of {width} rows or columns are wider than {WIDTH_OF_WIDEST_LAYER}"
            if width > WIDTH_OF_WIDEST_LAYER
            else None
        )

    @staticmethod
    def without_kind(device: torch.device, dtype: torch.dtype) -> str | None:
        """Why there is no compiled form for numbers of this kind, or None."""
        if device.type != "cpu":
            return f"device={device.type}: it computes on CPUs"
        return None if dtype in (torch.float32, torch.float64) else f"dtype={dtype} has no compiled form"

    def require(self, settings: Any, uncompiled: Mapping[str, str]) -> None:
        on_cpu = settings.device in ("auto", "cpu")
        if reason := self.missing() or ("" if on_cpu else f"device={settings.device}: it computes on CPUs"):
            _refuse(reason)
        if (block := getattr(settings, "block", None)) is not None:
            width = max(max(shape) for shape in block.shapes(settings.width).values())
            if reason := self.without_form(block.name, settings.activation, width):
                _refuse(reason)
        for group, what in uncompiled.items():
            _refuse(f"group {group} of study {settings.study} takes {what}, of which there is no compiled form")

    # -- networks ---------------------------------------------------------------------------------

    def trunk(self, memory: float) -> SegmentedTrunk:
        return SegmentedTrunk(memory, self.passes)

    def forward(
        self, field: Field, step: Step, x0: Float[Tensor, "r n d"], weights: Weights, h: float
    ) -> Float[Tensor, "r n d"]:
        make = self.passes(field, step, x0, h)
        if is_differentiated(x0, weights):
            return forward(field, step, x0, weights, h)
        passes = make(weights)
        out = torch.empty_like(x0.mT, memory_format=torch.contiguous_format).mT
        inputs = max(BYTES_OF_A_CHUNK // (x0.shape[2] * x0.element_size() * 64) * 64, 64)
        for chunk, into in zip(x0.split(inputs, dim=1), out.split(inputs, dim=1), strict=True):
            x = passes.laid(chunk)
            passes.run(x[None])
            into.copy_(x.mT[:, : chunk.shape[1]])
        return out

    def states(
        self, field: Field, step: Step, x0: Float[Tensor, "r n d"], weights: Weights, h: float
    ) -> Float[Tensor, "layers r n d"]:
        make = self.passes(field, step, x0, h)
        if is_differentiated(x0, weights):
            return states(field, step, x0, weights, h)
        passes = make(weights)
        first = passes.laid(x0)
        all_states = first.new_empty(passes.depth + 1, *first.shape)
        all_states[0] = first
        passes.run(all_states)
        return passes.read(all_states).contiguous()

    @computes
    def passes(self, field: Any, step: Step, x0: Tensor, h: float) -> Callable[[Weights], CompiledPasses]:
        """What makes passes of weights. Raises `SettingError` where there is no compiled form of these layers."""
        _require(self.without(field, step, x0))
        how = (self.processor, field.block.name, field.activation, float(h))
        return partial(CompiledPasses, how, x0.shape[1])

    # -- random networks --------------------------------------------------------------------------

    def without_walk(self, schemes: Sequence[Scheme], law: Law, x0: Tensor, u0: Tensor | None = None) -> str | None:
        """Why there is no compiled form of walks from `x0` (r, n, d), with tangents `u0` (r, n, m, d), or None."""
        starts = (x0,) if u0 is None else (x0, u0)
        vectors = len(schemes) * x0.shape[1] * (1 if u0 is None else 1 + u0.shape[2])
        reason = self.missing() or self.without_kind(x0.device, x0.dtype)
        return reason or without_walk(schemes, law, layers.ACTIVATIONS) or without_vectors(vectors, *starts)

    def without_act(self, law: Law, vectors: Tensor) -> str | None:
        """Why there is no compiled form of one layer of this law on these vectors, or None."""
        reason = self.missing() or self.without_kind(vectors.device, vectors.dtype)
        return reason or without_law(law) or without_vectors(vectors.shape[1], vectors)

    @computes
    def walk(
        self,
        walkers: Sequence[Walker],
        x0: Tensor,
        law: Law,
        *,
        horizon: float,
        stream: Stream,
        layers: Collection[int] | None = None,
    ) -> Iterator[tuple[int, list[Tensor]]]:
        _require(self.without_walk([walker.scheme for walker in walkers], law, x0))
        how = {"horizon": horizon, "stream": stream, "layers": layers}
        steps = walk_replicas(self.processor, walkers, x0, _no_tangents(x0), _isotropic(law), **how)
        return ((k, states) for k, states, _ in steps)

    @computes
    def tangents(
        self,
        walkers: Sequence[Walker],
        x0: Tensor,
        u0: Tensor,
        law: Law,
        *,
        horizon: float,
        stream: Stream,
        layers: Collection[int] | None = None,
    ) -> Iterator[tuple[int, list[Tensor], list[Tensor]]]:
        _require(self.without_walk([walker.scheme for walker in walkers], law, x0, u0))
        how = {"horizon": horizon, "stream": stream, "layers": layers}
        return walk_replicas(self.processor, walkers, x0, u0, _isotropic(law), **how)

    @computes
    def record(
        self,
        scheme: Scheme,
        x0: Tensor,
        law: Law,
        *,
        depth: int,
        horizon: float,
        stream: Stream,
        u0: Tensor | None = None,
    ) -> Tape:
        _require(self.without_walk([scheme], law, x0, u0))
        along, how = _no_tangents(x0) if u0 is None else u0, {"depth": depth, "horizon": horizon, "stream": stream}
        return recorded_replicas(self.processor, scheme, x0, along, _isotropic(law), **how)

    @computes
    def act(self, law: Law, vectors: Tensor, biased: Tensor, h: float, stream: Stream) -> Tensor:
        _require(self.without_act(law, vectors))
        return act_on_replicas(self.processor, _isotropic(law), vectors, biased, h, stream)

    def piece_size(self, vectors: int, width: int, dtype: torch.dtype) -> int:
        return piece_size(vectors, width, dtype)


def _no_tangents(x0: Float[Tensor, "r n d"]) -> Float[Tensor, "r n 0 d"]:
    return x0.new_zeros(*x0.shape[:2], 0, x0.shape[2])


def _isotropic(law: Law) -> Isotropic:
    assert isinstance(law, Isotropic)
    return law


def _require(reason: str | None) -> None:
    if reason:
        _refuse(reason)


def _refuse(reason: str) -> NoReturn:
    raise SettingError(f"engine=compiled: {reason}; engine=auto takes another engine for that")


def is_differentiated(x0: Tensor, weights: Weights) -> bool:
    """Whether derivatives are taken, which is torch's to do where no trunk was asked for."""
    tensors = (x0, *weights.values())
    along = any(forward_ad.unpack_dual(t).tangent is not None for t in tensors)
    return along or (torch.is_grad_enabled() and any(t.requires_grad for t in tensors))


class CompiledPasses(SegmentPasses):
    """Layers of `n` inputs; `how` says for which processor, and block, activation and h. States are (r, d, n')."""

    def __init__(self, how: tuple[str, str, str, float], n: int, weights: Weights) -> None:
        self.how, self.n, self.weights = how, n, weights
        self._theta = _arrays({name: _dense(w.detach()) for name, w in weights.items()})

    @property
    def hidden(self) -> int:
        return self.weights["W"].shape[2]

    def shapes(self, x0: Float[Tensor, "r n d"]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        r, _, d = x0.shape
        n = _filled_up(self.n, x0.element_size())
        return (r, d, n), (r, self.hidden, n)

    def room(self, count: int, x0: Tensor) -> Tensor:
        memory = super().room(count, x0)
        layers.large_pages(memory.numpy())  # 2 MB where the system has such: activations take thousands of small ones
        return memory

    def lay(self, x: Float[Tensor, "r n d"], into: Tensor) -> None:
        n = x.shape[1]
        if into.shape[2] == n:
            into.copy_(x.mT)
        else:
            into[:, :, :n] = x.mT
            into[:, :, n:] = x[:, -1, :, None]

    def laid(self, x: Float[Tensor, "r n d"]) -> Tensor:
        """States in this layout, in memory of their own."""
        r, n, d = x.shape
        out = x.new_empty(r, d, _filled_up(n, x.element_size()))
        self.lay(x, out)
        return out

    def laid_costates(self, g: Float[Tensor, "r n d"]) -> Tensor:
        r, n, d = g.shape
        filled_up = _filled_up(n, g.element_size())
        out = g.new_empty(r, d, n) if filled_up == n else g.new_zeros(r, d, filled_up)
        out[:, :, :n] = g.mT
        return out

    def read(self, x: Tensor) -> Tensor:
        return x[..., : self.n].mT

    def run(self, x: Tensor) -> None:
        """`x` (1, r, d, n') to the output, or (L + 1, r, d, n') to all states after the first."""
        layers.run(*self.how, torch.get_num_threads(), x.numpy(), self._theta, self.hidden, self.depth)

    def advance(self, segment: Segment, start: int) -> None:
        layers.advance(*self.how, torch.get_num_threads(), *segment.arrays, self._theta, start)

    def written(self, gradients: Mapping[str, Tensor]) -> Arrays:
        return _arrays({name: d.transpose(0, 1) for name, d in gradients.items()})

    def pull_back(self, segment: Segment, start: int, g: Tensor, into: Arrays) -> Tensor:
        layers.pull_back(*self.how, torch.get_num_threads(), *segment.arrays, g.numpy(), self._theta, into, start)
        return g


def _filled_up(n: int, size: int) -> int:
    """Inputs with those that fill the last 64 bytes."""
    of_vector = BYTES_OF_A_VECTOR // size
    return -(-n // of_vector) * of_vector


def _dense(w: Tensor) -> Tensor:
    """`w` (r, layers, *shape), or a copy where the numbers of a layer do not lie side by side."""
    return w if w[0, 0].is_contiguous() else w.contiguous()


def _arrays(parameters: Mapping[str, Tensor]) -> Arrays:
    V = parameters.get("V")
    return None if V is None else V.numpy(), parameters["W"].numpy(), parameters["b"].numpy()
