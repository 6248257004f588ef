"""The fastest engine that is there, layer by layer of what is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from jaxtyping import Float
from torch import Tensor

from ..networks.steps.step import Field, Step
from .compiled import PROCESSORS, Compiled
from .eager import Eager
from .engine import Engine
from .trunks.segmented import Weights

if TYPE_CHECKING:
    from ..random import Stream
    from ..sampling.layer_law import Law
    from ..sampling.schemes import Scheme, Walker
    from ..sampling.tape import Tape


class Auto(Eager):
    """The compiled engine where it has a form of the layers, or of the walk, else the eager one."""

    name = "auto"

    def __init__(self, compiled: Compiled | None = None) -> None:
        self.compiled, self.eager = compiled or Compiled(), Eager()
        self._said: set[str] = set()
        self._say: Callable[[str], None] | None = None

    def reports_to(self, say: Callable[[str], None]) -> None:
        self._say = say

    @property
    def used(self) -> tuple[str, ...]:
        return (*self.compiled.used, *self.eager.used)

    def way(self, device: str) -> str:
        """That of the compiled engine where it may be taken: what it has no form of, the eager one then computes."""
        chosen = self.compiled if device == "cpu" and self.compiled.missing() is None else self.eager
        return chosen.way(device)

    def going_on(self, way: str, device: str) -> Engine:
        ways: list[Engine] = [self, self.eager, *(Auto(Compiled(processor)) for processor in PROCESSORS)]
        return next((engine for engine in ways if engine.way(device) == way), self)

    def passes(self, field: Field, step: Step, x0: Tensor, h: float) -> Any:
        return self.suited(field, step, x0).passes(field, step, x0, h)

    def forward(
        self, field: Field, step: Step, x0: Float[Tensor, "r n d"], weights: Weights, h: float
    ) -> Float[Tensor, "r n d"]:
        return self.suited(field, step, x0).forward(field, step, x0, weights, h)

    def states(
        self, field: Field, step: Step, x0: Float[Tensor, "r n d"], weights: Weights, h: float
    ) -> Float[Tensor, "layers r n d"]:
        return self.suited(field, step, x0).states(field, step, x0, weights, h)

    def suited(self, field: Field, step: Step, x0: Tensor) -> Compiled | Eager:
        """The engine that computes these layers."""
        return self.where_not(self.compiled.without(field, step, x0))

    def walk(self, walkers: Sequence[Walker], x0: Tensor, law: Law, **how: Any) -> Iterator[tuple[int, list[Tensor]]]:
        reason = self.compiled.without_walk([walker.scheme for walker in walkers], law, x0)
        return self.where_not(reason).walk(walkers, x0, law, **how)

    def tangents(
        self, walkers: Sequence[Walker], x0: Tensor, u0: Tensor, law: Law, **how: Any
    ) -> Iterator[tuple[int, list[Tensor], list[Tensor]]]:
        reason = self.compiled.without_walk([walker.scheme for walker in walkers], law, x0, u0)
        return self.where_not(reason).tangents(walkers, x0, u0, law, **how)

    def record(self, scheme: Scheme, x0: Tensor, law: Law, *, u0: Tensor | None = None, **how: Any) -> Tape:
        reason = self.compiled.without_walk([scheme], law, x0, u0)
        return self.where_not(reason).record(scheme, x0, law, u0=u0, **how)

    def act(self, law: Law, vectors: Tensor, biased: Tensor, h: float, stream: Stream) -> Tensor:
        return self.where_not(self.compiled.without_act(law, vectors)).act(law, vectors, biased, h, stream)

    def where_not(self, reason: str | None) -> Compiled | Eager:
        """The compiled engine, unless there is a reason against it, which is said once."""
        if reason is None:
            return self.compiled
        if self._say is not None and reason not in self._said:
            self._said.add(reason)
            self._say(f"engine=auto: {reason}, so the eager engine computes it")
        return self.eager
