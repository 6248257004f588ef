"""What a step is: the times at which a network reads its weights, and one block `x_k -> x_{k+1}`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor

Theta = Mapping[str, Tensor]
Field = Callable[[Tensor, Theta], Tensor]
"""`f(x, theta)`; usually a `vector_field.VectorField`."""


class Step(ABC):
    """One explicit Runge-Kutta step of `x' = f(x, theta(t))`, which is one block of a network.

    `order` is the order of the scheme in the depth, for a field smooth in `x` and weights smooth in `t` that
    are read at `times`. A block reads `stride + 1` weight sets, the last of which is the first of the next
    block; a block of stride 0 reads one set of its own.
    """

    name: str
    order: int
    stride: ClassVar[int]

    def times(self, depth: int, horizon: float = 1.0) -> Tensor:
        """Times at which the weight sets are read, `(sets,)`, float64."""
        h = horizon / depth
        if self.stride == 0:
            return h * torch.arange(depth, dtype=torch.float64)
        return h / self.stride * torch.arange(self.stride * depth + 1, dtype=torch.float64)

    def sets(self, k: int) -> tuple[int, ...]:
        """Indices of the weight sets that block `k` reads, in the order in which it reads them."""
        return (k,) if self.stride == 0 else tuple(range(self.stride * k, self.stride * (k + 1) + 1))

    def depth_of(self, sets: int) -> int:
        """Number of blocks of a network with so many weight sets. Raises `ValueError` where no depth has so many."""
        depth = sets if self.stride == 0 else (sets - 1) // self.stride
        if sets < 1 or (self.stride and sets != self.stride * depth + 1):
            raise ValueError(f"{self.name}: no depth has {sets} weight sets; depth L has {self._sets_in_words()}")
        return depth

    def _sets_in_words(self) -> str:
        return {0: "L", 1: "L + 1"}.get(self.stride, f"{self.stride} L + 1")

    @abstractmethod
    def advance(self, field: Field, x: Tensor, h: float, thetas: Sequence[Theta]) -> Tensor:
        """`x_{k+1}` from `x_k`, `(r, n, d)`, with factor `h` on the block and the weight sets `sets(k)`."""

    def reverse(self, field: Field, x_next: Tensor, h: float, thetas: Sequence[Theta]) -> Tensor:
        """`x_k` from `x_{k+1}`, approximately: the same step with `-h` and the sets in reverse order.

        Over a whole network the error is `O(h^p)` for odd order p, `O(h^{p+1})` for even p, where weights and
        fields are smooth (proved with bound p in Sander, Ablin & Peyré 2022, arXiv 2205.14612).
        """
        return self.advance(field, x_next, -h, tuple(thetas)[::-1])
