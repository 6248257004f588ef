"""What an engine is: it computes states and gradients of residual networks, and walks random ones.

    trunk      x_0 (r, n, d), weights (r, sets, *shape)  ->  x_L, which can be differentiated by both
    forward    the same  ->  x_L, without
    states     the same  ->  x_0, ..., x_L

    walk       schemes at depths, x_0, a law, where its numbers are drawn  ->  the states after each layer
    tangents   the same, and tangents at x_0  ->  states and tangents after each layer
    record     one scheme, ...  ->  a tape, whose backward pass gives costates and norms of gradients
    act        one layer of fresh weights on any vectors: what networks that are none of these are made of

`residual.forward` and `residual.states` say what the first three compute, by a loop over the layers, and `walk`,
`tangents`, `record` of `sampling/` the others; every engine agrees with them up to rounding, on the same normals, and
with itself bit for bit, however replicas are cut. It need not do everything: what it has no kernel for (a step, a
block, a scheme, a law, an activation, a dtype) it refuses with the reason, and `auto` then takes the eager engine.
Layers of wide networks from Gram matrices (`sampling/wide.py`) are a factor and a product, on normals that are given:
torch's, and no engine's.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Concatenate, ParamSpec, TypeVar

from ..settings.registry import ENGINES, Registry

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from ..networks.steps.step import Field, Step
    from ..random import Stream
    from ..sampling.layer_law import Law
    from ..sampling.schemes import Scheme, Walker
    from ..sampling.tape import Tape
    from ..settings.base import Settings


P = ParamSpec("P")
T = TypeVar("T")
E = TypeVar("E", bound="Engine")


def computes(method: Callable[Concatenate[E, P], T]) -> Callable[Concatenate[E, P], T]:
    """A method by which an engine computes something: it then counts as used."""

    @functools.wraps(method)
    def noted(engine: E, *arguments: P.args, **keys: P.kwargs) -> T:
        engine.has_computed = True
        return method(engine, *arguments, **keys)

    return noted


class Trunk(ABC):
    """`x_0 -> x_L` in training, called like `residual.forward`, and with its result up to rounding.

    It keeps its memory from call to call: a forward pass overwrites the activations of the one before, so each must be
    followed by its backward pass at once. A backward pass after another forward pass, or a second one, raises
    `RuntimeError`.
    """

    @abstractmethod
    def __call__(self, field: Field, step: Step, x0: Tensor, weights: Mapping[str, Tensor], h: float) -> Tensor:
        """`x_L`, (r, n, d), of `x0` (r, n, d) and weights stacked over depth, (r, sets, *shape), with the factor h on a
        block. Gradients by `x0` and by all weights are those of autograd up to rounding. Raises `ValueError` if no
        depth has so many weight sets."""

    @property
    @abstractmethod
    def elements(self) -> int:
        """Numbers held for the backward pass."""


class Engine(ABC):
    """A way to compute residual networks; it remembers whether it computed any, and nothing that results depend on."""

    options: ClassVar[Registry] = ENGINES
    name: ClassVar[str]
    has_computed = False

    @property
    def used(self) -> tuple[str, ...]:
        """The names of the engines that have computed something for this one."""
        return (self.name,) if self.has_computed else ()

    def way(self, device: str) -> str:
        """What its results depend on to the last bit, on this type of device (cpu, cuda): its name, and for which kind
        of processor its code is."""
        return self.name

    def going_on(self, way: str, device: str) -> Engine:
        """The engine that goes on where one of this way stopped; itself where there is none that may."""
        return self

    def reports_to(self, say: Callable[[str], None]) -> None:  # noqa: B027 (most take no other one)
        """`say` is to hear, once each, for what another engine is taken."""

    def require(self, settings: Settings, uncompiled: Mapping[str, str]) -> None:  # noqa: B027 (most do everything)
        """Raise `SettingError` where the engine is not there, or lacks what these settings ask for. `uncompiled`: what
        the groups of the study take that has no compiled form, by their names."""

    @abstractmethod
    def trunk(self, memory: float) -> Trunk:
        """A way from `x_0` to `x_L` with memory of its own. `memory`: MB of activations to keep for the backward pass;
        what does not fit is computed twice, with the same result bit for bit."""

    @abstractmethod
    def forward(self, field: Field, step: Step, x0: Tensor, weights: Mapping[str, Tensor], h: float) -> Tensor:
        """`x_L` (r, n, d), where no gradients are asked for."""

    @abstractmethod
    def states(self, field: Field, step: Step, x0: Tensor, weights: Mapping[str, Tensor], h: float) -> Tensor:
        """`x_0, ..., x_L`, stacked in front, (L + 1, r, n, d)."""

    @abstractmethod
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
        """Random networks (and other schemes) of several depths, on one noise, from the same states `x0` (r, n, d).

        Each walker has a depth that divides the deepest, and a scheme: what the weights act on, and how a state is
        stepped by the result. The weights of layer k are the law's, over a time `horizon/depth`, from `stream.at(k)`: a
        function of seed, purpose, layer and replica, never of what was drawn before. Yields `(k, states of each
        walker)` after each layer k = 1..L of the deepest, or after those of `layers` alone: layers in between may be
        one pass. What was yielded stays.
        """

    def final(self, walkers: Sequence[Walker], x0: Tensor, law: Law, *, horizon: float, stream: Stream) -> list[Tensor]:
        """The states of all walkers at the horizon."""
        last = max(walker.depth for walker in walkers)
        ((_, states),) = self.walk(walkers, x0, law, horizon=horizon, stream=stream, layers=[last])
        return states

    @abstractmethod
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
        """`walk`, with m tangents `u0` (r, n, m, d) at each input: yields `(k, states, tangents)`."""

    @abstractmethod
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
        """A walk of one scheme, kept for a backward pass; with tangents from `u0`, `<p_k, u_k>` is the same at every
        layer."""

    @abstractmethod
    def act(self, law: Law, vectors: Tensor, biased: Tensor, h: float, stream: Stream) -> Tensor:
        """`W f_i + c_i b` (r, n, d) for the vectors `f_i` (r, n, d), `biased` holding the `c_i`: one layer of the law's
        weights over a time h, `law.act`."""

    @abstractmethod
    def piece_size(self, vectors: int, width: int, dtype: torch.dtype) -> int:
        """Replicas to sample at a time, a power of two; `vectors`: all that the weights of a layer act on, a replica.
        Speed and memory alone: no replica's numbers depend on it."""

    def pieces(self, replicas: int, *, vectors: int, width: int, dtype: torch.dtype) -> Iterator[tuple[int, int]]:
        """`(first replica, count)` of each piece; the states of one are (count, n, d), its stream has that
        `first_replica`."""
        size = self.piece_size(vectors, width, dtype)
        for first in range(0, replicas, size):
            yield first, min(size, replicas - first)
