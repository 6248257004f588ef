"""Forward passes of random networks that are kept for one backward pass, and what comes out of that.

tape = engine.record(Network("tanh"), x0, law, depth=64, horizon=1.0, stream=Stream(0, "..."))
for layer in tape.backward(p_L): ...          # k = L-1, ..., 0: layer.k, layer.p = p_k, layer.weights, layer.biases
tape.gradients(p_L)                           # the norms by layer and no more
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Layer:
    """`p_k = dJ/dx_k` (r, n, d) and the Frobenius norms of `dJ/dW_k`, `dJ/db_k` (r,), summed over the inputs."""

    k: int
    p: Float[Tensor, "r n d"]
    weights: Float[Tensor, " r"]
    biases: Float[Tensor, " r"]


@dataclass(frozen=True)
class GradientNorms:
    """Norms by layer: `|dJ/dW_k|`, `|dJ/db_k|` (depth, r), k = 0..L-1, and `|p_k^i|` (depth + 1, r, n), k = 0..L."""

    weights: Float[Tensor, "l r"]
    biases: Float[Tensor, "l r"]
    states: Float[Tensor, "l1 r n"]


@dataclass(frozen=True)
class Tape(ABC):
    """A forward pass: states `x_0, ..., x_L` (r, n, d), pre-activations `z_0, ..., z_{L-1}` (r, n, d) and tangents
    (r, n, m, d), m being 0 where none were asked for; how else it remembers its weights is the engine's."""

    states: Sequence[Tensor]
    pre_activations: Sequence[Tensor]
    tangents: Sequence[Tensor]

    @property
    def final(self) -> Float[Tensor, "r n d"]:
        """`x_L`."""
        return self.states[-1]

    @abstractmethod
    def backward(self, p: Float[Tensor, "r n d"]) -> Iterator[Layer]:
        """From `p_L = dJ/dx_L` down: yields layers k = L-1, ..., 0.

        The fresh normals have the purpose of the forward pass with ` backward` after it; a tape has one backward pass
        (a second one with another `p` would draw what the first has drawn already: give both losses as inputs of their
        own instead).
        """

    def gradients(self, p: Float[Tensor, "r n d"]) -> GradientNorms:
        """The backward pass from `p_L`; norms by layer."""
        layers = [(layer.weights, layer.biases, layer.p.norm(dim=-1)) for layer in self.backward(p)][::-1]
        weights, biases, states = (torch.stack(column) for column in zip(*layers, strict=True))
        return GradientNorms(weights, biases, torch.cat([states, p.norm(dim=-1)[None]]))
