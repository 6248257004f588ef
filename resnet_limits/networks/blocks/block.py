"""What a block is: the vector field `f(x, theta)` that a layer adds to its state, and what is known of it.

A new one is one file in this folder, named like it, with a class named like it in CamelCase:

    @dataclass
    class Skew(Block):
        # called skew, or what `name: str = fixed(name, meaning)` says
        smooth = True                             # in x, where phi is

        def shapes(self, width):
            return {"A": (width, width), "b": (width,)}

        def formula(self, phi, x, theta):         # x (r, n, d), theta (r, *shape)
            A = theta["A"]
            return phi(affine(x, A - A.mT, theta["b"]))

What it does not declare is refused in words where it is asked for (a Lipschitz bound, a mean field), or computed in
another way (a derivative: by autograd): never guessed. Facts are read without torch, which methods import when they
run.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from ...errors import SettingError
from ...settings.registry import Option, Registry
from ...settings.trial import require_shape
from ..activations import Activation, activation_named

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


# -- what may be declared of a block --------------------------------------------------------------


@dataclass(frozen=True)
class MeanField(ABC):
    """`E_theta f(x, theta)` for Gaussian weights of mean zero: variance `sigma_w^2 / fan-in`, biases `sigma_b^2`.

    Called as `mean(x)`, `(r, n, d)` to the same.
    """

    block: Block
    activation: str
    sigma_w: float
    sigma_b: float

    @abstractmethod
    def __call__(self, x: Tensor) -> Tensor: ...

    @abstractmethod
    def derivative(self, x: Tensor, u: Tensor) -> Tensor:
        """The derivative at `x` (1 or r, n, d) in the directions `u` (r, n, d)."""


class Vanishing(MeanField):
    """0: of a field that is linear in weights of mean zero that are independent of its other weights."""

    def __call__(self, x: Tensor) -> Tensor:
        import torch

        return torch.zeros_like(x)

    def derivative(self, x: Tensor, u: Tensor) -> Tensor:
        import torch

        return torch.zeros_like(u)


class Segment:
    """Activations of some successive layers, inputs in columns: `states` (layers + 1, r, d, n), the `x_k`, and `inner`
    (layers, r, m, n), what the block computes on the way from `x_k` to `x_{k+1}`. `x` and `z` are their layers."""

    def __init__(self, states: Tensor, inner: Tensor) -> None:
        self.states, self.inner = states, inner

    @cached_property
    def x(self) -> tuple[Tensor, ...]:
        return self.states.unbind(0)

    @cached_property
    def z(self) -> tuple[Tensor, ...]:
        return self.inner.unbind(0)

    def first(self, layers: int) -> Segment:
        """The first layers of this segment, in the same memory."""
        return self if layers == len(self.inner) else Segment(self.states[: layers + 1], self.inner[:layers])

    @cached_property
    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """`states` and `inner` as numpy's, in the same memory."""
        return self.states.numpy(), self.inner.numpy()


class BlockPasses(ABC):
    """The derivative of Euler steps `x + h f(x, theta)` by hand: forward and backward pass over a segment of layers.

    `theta` holds a parameter's layers by name: matrices `W` (r, o, i), their transposes as `W^T`, vectors `b` as
    (r, o, 1).
    """

    hidden_of: ClassVar[str]
    """The parameter with as many rows as `Segment.inner` has."""

    def __init__(self, phi: Activation, h: float) -> None:
        self.phi, self.h = phi, h

    @abstractmethod
    def advance(self, segment: Segment, theta: Mapping[str, Sequence[Tensor]]) -> None:
        """Fill the segment from its first state."""

    @abstractmethod
    def pull_back(
        self, segment: Segment, theta: Mapping[str, Sequence[Tensor]], g: Tensor, gradients: Mapping[str, Tensor]
    ) -> Tensor:
        """`g`, dJ/dx of the last state, to dJ/dx of the first, and dJ/dtheta into `gradients` (layers, r, *shape).

        Uses up `g` and the activations.
        """

    def outer(self, into: Tensor, left: Tensor, right: Tensor) -> None:
        """`into = h left right^T` for each layer and replica: a sum over inputs."""
        h, flat = self.h, (-1, *into.shape[-2:])
        left, right = left.view(-1, *left.shape[-2:]), right.view(-1, *right.shape[-2:])
        into.view(flat).baddbmm_(left, right.mT, beta=0, alpha=h)

    def sum(self, into: Tensor, over_inputs: Tensor) -> None:
        """`into = h sum over inputs`."""
        import torch

        torch.sum(over_inputs, dim=3, out=into).mul_(self.h)


def backwards(*layers: Sequence[Tensor]) -> Iterable[tuple[Tensor, ...]]:
    """The layers side by side, the last one first."""
    return zip(*(reversed(tensors) for tensors in layers), strict=True)


# -- a block --------------------------------------------------------------------------------------


@dataclass
class Block(Option, ABC):
    """The vector field `f(x, theta)` of one layer: its keys are fields, its facts class variables."""

    options: ClassVar[Registry] = Registry("block", "networks.blocks", base="block", noun="Block")
    name: str

    smooth: ClassVar[bool | None] = None
    """Whether `f` is smooth in x wherever `phi` is; None: not declared. See `rough`."""
    outer: ClassVar[str | None] = None
    """The matrix that carries the output: `f`, or its Lipschitz bound, is linear in it. None: there is none."""
    norms: ClassVar[tuple[str, ...] | None] = None
    """Matrices (one may stand there twice) with `Lip f <= sup |phi'|` times the product of their spectral norms; None:
    no bound is known."""
    still_without: ClassVar[str | None] = None
    """The matrix without which `f` is zero whatever the biases; None: there is none."""
    monotone: ClassVar[bool] = False
    """Whether `df/dx` is symmetric and positive semi-definite where `phi' >= 0`: no step `x + h f(x)` folds space."""
    mean_field: ClassVar[type[MeanField] | None] = None
    """`E_theta f` under Gaussian weights; None: not known."""
    passes: ClassVar[type[BlockPasses] | None] = None
    """Its derivative by hand; None: by autograd."""

    @abstractmethod
    def shapes(self, width: int) -> dict[str, tuple[int, ...]]:
        """Of the parameters, by name: matrices (rows, columns), of fan-in `columns`, and vectors."""

    @abstractmethod
    def formula(self, phi: Activation, x: Tensor, theta: Mapping[str, Tensor]) -> Tensor:
        """`f(x, theta)`, (r, n, d), of `x` (r, n, d) and parameters (r, *shape)."""

    def tried(self) -> None:
        """Raise `SettingError` where the parameters have no shapes, or the field of a state has not the state's."""
        import torch

        shapes = self.shapes(4)
        if not isinstance(shapes, dict) or not all(isinstance(shape, tuple) and shape for shape in shapes.values()):
            raise SettingError(f"shapes(width) returns {shapes!r}; expected a dict such as {{'W': (4, 4), 'b': (4,)}}")
        theta = {name: torch.full((2, *shape), 0.1, dtype=torch.float64) for name, shape in shapes.items()}
        x = torch.linspace(-1, 1, 24, dtype=torch.float64).reshape(2, 3, 4)
        require_shape(
            "formula(phi, x, theta)", self.formula(activation_named("tanh"), x, theta), (2, 3, 4), "that of x"
        )

    def rough(self, width: int) -> str | None:
        """Why `f` has no continuous derivatives in x at this width though `phi` has them, or None."""
        if self.smooth is None:
            return f"block={self.name}: it does not declare whether its field is smooth where the activation is"
        return None if self.smooth else f"block={self.name}: its field has no continuous derivatives"

    def without_outer(self) -> str | None:
        """Why there is no matrix by which the field can be made small, or None."""
        return f"block={self.name}: no matrix carries its output" if self.outer is None else None

    def without_bound(self) -> str | None:
        """Why no Lipschitz constant of `f` is known, or None."""
        return f"block={self.name}: no Lipschitz bound of its field is known" if self.norms is None else None
