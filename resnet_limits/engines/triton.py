"""Triton kernels: Euler steps of blocks one, outside and two on NVIDIA GPUs, all layers of a segment in one kernel.

    forward    states of a tile of inputs stay in registers from layer to layer; weights are fetched layer by layer
    backward   likewise, with one sum of weight gradients a tile, added in a fixed order

`kernels/layers.py` holds them. Products keep all digits of their numbers (no TF32). Without a GPU they run in Triton's
interpreter (`TRITON_INTERPRET=1` when they are imported), slowly, which is how their laws are tested.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import SettingError
from ..networks.blocks.block import Segment
from ..networks.residual import forward, states
from ..networks.steps.euler import Euler
from ..networks.steps.step import Field, Step
from ..networks.vector_field import VectorField
from ..random import Stream
from ..sampling.layer_law import Isotropic, Law
from ..sampling.schemes import Walker
from .compiled import is_differentiated
from .eager import Eager
from .engine import computes
from .kernels.launch import launch_options
from .trunks.segmented import SegmentedTrunk, SegmentPasses, Weights
from .walks.kernels import walk_by_kernel, without_kernel

BLOCKS = ("one", "outside", "two")
ACTIVATIONS = ("tanh", "relu", "swish", "gelu", "identity")
WIDTH_OF_WIDEST_KERNEL = 128
NARROWEST_PRODUCT = 16
"""Rows and columns of the smallest product of a kernel; narrower ones are filled up."""


@dataclass(frozen=True)
class Tiling:
    """How a kernel is cut; speed alone, but for the sums of weight gradients over tiles."""

    inputs: int
    """Of one program."""
    slab: int
    """Columns of a product at a time."""
    warps: int


def tiling(width: int, dtype: torch.dtype) -> Tiling:
    """Of matrices of `width` rows or columns at most: kernels cut like this spill nothing (`tests/kernels.py`)."""
    width = filled_up(width)
    if dtype == torch.float64:
        return {16: Tiling(16, 16, 2), 32: Tiling(16, 32, 4), 64: Tiling(16, 32, 8), 128: Tiling(16, 16, 16)}[width]
    return {16: Tiling(32, 16, 2), 32: Tiling(16, 32, 4), 64: Tiling(16, 64, 8), 128: Tiling(16, 32, 8)}[width]


class Triton(Eager):
    """Refuses layers that it has no kernel for in words; random walks without one are the eager
    engine's.

    `interpreted`: kernels run in Triton's interpreter, on any device.
    """

    name = "triton"

    def __init__(self, *, interpreted: bool = False) -> None:
        self.interpreted = interpreted

    # -- what there is a kernel for ---------------------------------------------------------------

    def without(self, field: Field, step: Step, x0: Tensor) -> str | None:
        """Why there is no kernel for these layers, or None."""
        if reason := self.missing() or self.without_kind(x0.device, x0.dtype):
            return reason
        if type(step) is not Euler:
            return f"step {step.name} has no kernel"
        if not isinstance(field, VectorField):
            return "a field that is no block has no kernel"
        width = max(max(shape) for shape in field.shapes.values())
        return self.without_form(field.block.name, field.activation, width)

    @staticmethod
    def missing() -> str | None:
        """Why there are no kernels here, or None."""
        return None if importlib.util.find_spec("triton") else "there is no package triton"

    @staticmethod
    def without_form(block: str, activation: str, width: int) -> str | None:
        """Why no block of this name has a kernel with this activation at this width, or None."""
        if block not in BLOCKS:
            return f"block={block} has no kernel"
        if activation not in ACTIVATIONS:
            return f"activation={activation} has no kernel"
        too_wide = width > WIDTH_OF_WIDEST_KERNEL
        return f"matrices of {width} rows or columns are wider than {WIDTH_OF_WIDEST_KERNEL}" if too_wide else None

    def without_kind(self, device: torch.device, dtype: torch.dtype) -> str | None:
        """Why there are no kernels for numbers of this kind, or None."""
        if device.type != "cuda" and not self.interpreted:
            return f"device={device.type}: it computes on NVIDIA GPUs"
        return None if dtype in (torch.float32, torch.float64) else f"dtype={dtype} has no kernel"

    def require(self, settings: Any, uncompiled: Mapping[str, str]) -> None:
        on_gpu = settings.device in ("auto", "cuda") and torch.cuda.is_available()
        if reason := self.missing() or ("" if on_gpu else f"device={settings.device}: it computes on NVIDIA GPUs"):
            _refuse(reason)
        if (block := getattr(settings, "block", None)) is not None:
            width = max(max(shape) for shape in block.shapes(settings.width).values())
            if reason := self.without_form(block.name, settings.activation, width):
                _refuse(reason)
        for group, what in uncompiled.items():
            if "walks" not in what:
                _refuse(f"group {group} of study {settings.study} takes {what}, of which there is no kernel")

    # -- networks ---------------------------------------------------------------------------------

    def trunk(self, memory: float) -> SegmentedTrunk:
        return SegmentedTrunk(memory, self.passes)

    def forward(
        self, field: Field, step: Step, x0: Float[Tensor, "r n d"], weights: Weights, h: float
    ) -> Float[Tensor, "r n d"]:
        make = self.passes(field, step, x0, h)
        if is_differentiated(x0, weights):
            return forward(field, step, x0, weights, h)
        x = x0.clone(memory_format=torch.contiguous_format)
        make(weights).run(x)
        return x

    def states(
        self, field: Field, step: Step, x0: Float[Tensor, "r n d"], weights: Weights, h: float
    ) -> Float[Tensor, "layers r n d"]:
        make = self.passes(field, step, x0, h)
        if is_differentiated(x0, weights):
            return states(field, step, x0, weights, h)
        passes = make(weights)
        state, inner = passes.shapes(x0)
        segment = Segment(x0.new_empty(passes.depth + 1, *state), x0.new_empty(passes.depth, *inner))
        segment.states[0] = x0
        passes.advance(segment, 0)
        return segment.states

    @computes
    def passes(self, field: Any, step: Step, x0: Tensor, h: float) -> Callable[[Weights], TritonPasses]:
        """What makes passes of weights. Raises `SettingError` where there is no kernel for these layers."""
        if reason := self.without(field, step, x0):
            _refuse(reason)
        return partial(TritonPasses, field.block.name, field.activation, h)

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
        reason = self.missing() or self.without_kind(x0.device, x0.dtype)
        if reason or without_kernel(walkers, x0, law, ACTIVATIONS):
            return super().walk(walkers, x0, law, horizon=horizon, stream=stream, layers=layers)
        assert isinstance(law, Isotropic)
        return walk_by_kernel(walkers, x0, law, horizon=horizon, stream=stream, layers=layers)


class TritonPasses(SegmentPasses):
    """Layers of a block; states are (r, n, d), inputs in rows."""

    def __init__(self, block: str, activation: str, h: float, weights: Weights) -> None:
        self.block, self.activation, self.weights = block, activation, weights
        theta = {name: _dense(w.detach()) for name, w in weights.items()}
        self._theta = [theta.get("V", theta["W"]), theta["W"], theta["b"]]
        self._step = torch.tensor([h], dtype=theta["W"].dtype, device=theta["W"].device)

    @property
    def hidden(self) -> int:
        return self.weights["b"].shape[2]

    def shapes(self, x0: Float[Tensor, "r n d"]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        r, n, _ = x0.shape
        return tuple(x0.shape), (r, n, self.hidden)

    def lay(self, x: Float[Tensor, "r n d"], into: Tensor) -> None:
        into.copy_(x)

    def laid_costates(self, g: Float[Tensor, "r n d"]) -> Tensor:
        return g.clone(memory_format=torch.contiguous_format)

    def read(self, x: Tensor) -> Tensor:
        return x

    def run(self, x: Float[Tensor, "r n d"]) -> None:
        """`x` to the output."""
        inner = x.new_empty(*x.shape[:2], self.hidden)
        self._advance(x, inner, 0, self.depth, keep=False)

    def advance(self, segment: Segment, start: int) -> None:
        self._advance(segment.states, segment.inner, start, len(segment.inner), keep=True)

    def pull_back(self, segment: Segment, start: int, g: Tensor, into: Mapping[str, Tensor]) -> Tensor:
        from .kernels import layers as kernels

        kernel: Any = kernels.pull_back_layers
        grid, how = self._launch(g)
        layers = len(segment.inner)
        stop = start + layers
        sums = {name: g.new_empty(grid[1], layers, *d.shape[1:]) for name, d in into.items()}
        of_tiles = [sums.get("V", sums["W"]), sums["W"], sums["b"]]
        of_segment = [w[:, start:stop] for w in self._theta]
        strides = [s for w in of_segment[:2] for s in w.stride()[:2]]
        kernel[grid](
            segment.states, segment.inner, g, *of_segment, *of_tiles, self._step, layers, g.shape[1], *strides, **how
        )
        for name, d in into.items():
            torch.sum(sums[name], dim=0, out=d[start:stop])
        return g

    def _advance(self, states: Tensor, inner: Tensor, start: int, layers: int, *, keep: bool) -> None:
        from .kernels import layers as kernels

        kernel: Any = kernels.advance_layers
        grid, how = self._launch(states[0] if keep else states)
        of_segment = [w[:, start : start + layers] for w in self._theta]
        strides = [s for w in of_segment for s in w.stride()[:2]]
        n = states.shape[-2]
        kernel[grid](states, inner, *of_segment, self._step, layers, n, *strides, KEEP=keep, **how)

    def _launch(self, x: Float[Tensor, "r n d"]) -> tuple[tuple[int, int], dict[str, Any]]:
        """Programs, and what is known when a kernel is compiled."""
        r, n, d = x.shape
        cut = tiling(max(d, self.hidden), x.dtype)
        how = {"BLOCK": self.block, "PHI": self.activation, "INPUTS": cut.inputs, "D": d, "M": self.hidden}
        how |= {"DP": filled_up(d), "MP": filled_up(self.hidden), "SLAB": cut.slab}
        how |= launch_options(cut.warps, fused=True)
        return (r, -(-n // cut.inputs)), how


def filled_up(width: int) -> int:
    """The power of two that holds so many rows or columns."""
    return max(NARROWEST_PRODUCT, 1 << (width - 1).bit_length())


def _dense(w: Tensor) -> Tensor:
    """`w` (r, layers, *shape), or a copy where the numbers of a layer do not lie side by side."""
    return w if w[0, 0].is_contiguous() else w.contiguous()


def _refuse(reason: str) -> NoReturn:
    raise SettingError(f"engine=triton: {reason}; engine=auto takes another engine for that")
