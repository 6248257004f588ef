"""`f(x, theta)`: a block with its activation at a width, as a function of states and weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from .activations import Activation, activation_named
from .blocks.block import Block


@dataclass(frozen=True)
class VectorField:
    """`f(x, theta)`, called as `field(x, theta)`.

    `x` is `(r, n, d)`: replicas, inputs, width. `theta` maps each name of `shapes` to `(r, *shape)`; the
    replicas have weights of their own. Returns `(r, n, d)` of the same dtype.

    Raises `SettingError` for an activation that does not exist.
    """

    block: Block
    activation: str
    width: int

    def __post_init__(self) -> None:
        activation_named(self.activation)

    @property
    def phi(self) -> Activation:
        return activation_named(self.activation)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of the parameters of one block, by name."""
        return self.block.shapes(self.width)

    def __call__(self, x: Float[Tensor, "r n d"], theta: Mapping[str, Tensor]) -> Float[Tensor, "r n d"]:
        return self.block.formula(self.phi, x, theta)
