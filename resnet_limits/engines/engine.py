"""What an engine is: it computes states and gradients of residual networks, and walks random ones.

    trunk    x_0 (r, n, d), weights (r, sets, *shape)  ->  x_L, which can be differentiated by both
    states   the same  ->  x_0, ..., x_L
    walk     schemes at depths, x_0, a law, where its numbers are drawn  ->  the states after each layer

`residual.forward` and `residual.states` say what the first two compute, by a loop over the layers, and
`sampling.walk.walk` the third; every engine agrees with them up to rounding, and with itself bit for bit. It need not
do everything in its own way: what it has no kernel for (a step, a block, an activation, a dtype) it hands to the eager
engine, and never computes something else in silence.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from ..settings.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor

    from ..networks.steps.step import Field, Step
    from ..random import Stream
    from ..sampling.law import Law
    from ..sampling.walk import Walker


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
    """A way to compute residual networks; a value without state."""

    options: ClassVar[Registry] = Registry("engine", "engines", base="engine")
    name: ClassVar[str]

    @abstractmethod
    def trunk(self, memory: float) -> Trunk:
        """A way from `x_0` to `x_L` with memory of its own. `memory`: MB of activations to keep for the backward pass;
        what does not fit is computed twice, with the same result bit for bit."""

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
        biased: Tensor | None = None,
    ) -> Iterator[tuple[int, list[Tensor]]]:
        """Random networks (and other schemes) of several depths, on one noise, from the same states `x0` (r, n, d).

        Each walker has a depth that divides the deepest, and a scheme: what the weights act on, and how a state is
        stepped by the result. The weights of layer k are the law's, over a time `horizon/depth`, from `stream.at(k)`: a
        function of seed, purpose, layer and replica, never of what was drawn before. `biased`: which of the n vectors
        the bias acts on; by default all. Yields `(k, states of each walker)` after each layer k = 1..L of the
        deepest.
        """
