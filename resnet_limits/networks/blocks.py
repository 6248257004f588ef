"""Vector fields `f(x, theta)` of one block: what a residual network adds to its state, per unit of time.

one      phi(W x + b)      W (d, d), b (d,)
outside  W phi(x) + b      W (d, d), b (d,)
two      V phi(W x + b)    V (d, m), W (m, d), b (m,)

and, of Hamiltonian blocks (`steps/symplectic.py`), the gradient of a convex function,

gradient K^T phi(K x + b)  K (m, d), b (m,)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from .. import settings
from ..errors import SettingError, one_of
from .activations import activation_named

Activation = Callable[[Tensor], Tensor]
Weights = dict[str, Tensor]
"""Parameters of one block by name, each `(r, *shape)`; or of a network, each `(r, sets, *shape)`."""


@dataclass(frozen=True)
class VectorField:
    """`f(x, theta)`, called as `field(x, theta)`.

    `x` is `(r, n, d)`: replicas, inputs, width. `theta` maps each name of `shapes` to `(r, *shape)`; the
    replicas have weights of their own. Returns `(r, n, d)` of the same dtype.
    """

    name: str
    activation: str
    shapes: Mapping[str, tuple[int, ...]]
    formula: Callable[[Activation, Tensor, Mapping[str, Tensor]], Tensor]

    def __call__(self, x: Float[Tensor, "r n d"], theta: Mapping[str, Tensor]) -> Float[Tensor, "r n d"]:
        return self.formula(activation_named(self.activation), x, theta)


def columns(x: Float[Tensor, "r n d"]) -> Float[Tensor, "r n d"]:
    """`x`, each input a column in memory: the layout in which `affine` works and elementwise functions stay."""
    return x.mT.contiguous().mT


def linear(x: Float[Tensor, "r n i"], weight: Float[Tensor, "r o i"]) -> Float[Tensor, "r n o"]:
    """`W x` for each replica; computed as `W x^T`, for the reason given at `affine`."""
    return torch.bmm(weight, x.mT).mT


def affine(
    x: Float[Tensor, "r n i"], weight: Float[Tensor, "r o i"], bias: Float[Tensor, "r o"]
) -> Float[Tensor, "r n o"]:
    """`W x + b` for each replica; computed as `W x^T + b`.

    A batch of small products `W x^T` is up to 1.5 times as fast as `x W^T`, where a transposed weight is read.
    """
    return torch.baddbmm(bias.unsqueeze(2), weight, x.mT).mT


def _one(phi: Activation, x: Tensor, theta: Mapping[str, Tensor]) -> Tensor:
    return phi(affine(x, theta["W"], theta["b"]))


def _outside(phi: Activation, x: Tensor, theta: Mapping[str, Tensor]) -> Tensor:
    return affine(phi(x), theta["W"], theta["b"])


def _two(phi: Activation, x: Tensor, theta: Mapping[str, Tensor]) -> Tensor:
    return linear(phi(affine(x, theta["W"], theta["b"])), theta["V"])


def gradient_field(activation: str, width: int, hidden: int) -> VectorField:
    """`K^T phi(K x + b)`, the gradient of `sum_i Phi((K x + b)_i)` with `Phi' = phi`: convex where phi increases."""
    return VectorField("gradient", activation, {"K": (hidden, width), "b": (hidden,)}, _gradient)


def _gradient(phi: Activation, x: Tensor, theta: Mapping[str, Tensor]) -> Tensor:
    return linear(phi(affine(x, theta["K"], theta["b"])), theta["K"].mT)


def field(block: settings.Block, activation: str, width: int) -> VectorField:
    """The vector field of a block at this width, with the shapes of its parameters.

    Raises `SettingError` for a block or an activation that does not exist.
    """
    activation_named(activation)
    square = {"W": (width, width), "b": (width,)}
    if isinstance(block, settings.One):
        return VectorField("one", activation, square, _one)
    if isinstance(block, settings.Outside):
        return VectorField("outside", activation, square, _outside)
    if isinstance(block, settings.Two):
        m = block.hidden
        return VectorField("two", activation, {"V": (width, m), "W": (m, width), "b": (m,)}, _two)
    raise SettingError(f"block: unknown option {one_of(block.name, ('one', 'outside', 'two'))}")
