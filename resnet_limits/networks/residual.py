"""`x_{k+1} = step(x_k, h, theta_k)`: a residual network, its states and its gradients.

Weights are stacked over depth, `weights[name]` of shape `(r, sets, *shape)`, where the step says how many
sets a depth has and which block reads which (`steps.Step`); the states `x` are `(r, n, d)`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from .affine import columns
from .states import as_states
from .steps.step import Field, Step, Theta
from .vector_field import VectorField

CotangentOf = Callable[[Tensor], tuple[Tensor, Tensor]]
"""`x_L -> (loss, d loss / d x_L)`: a loss of the output with its derivative, of the output's shape."""


def unstacked(weights: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
    """One dictionary of `(r, *shape)` for each weight set.

    By `unbind` and not by slices: the backward pass of a slice makes a gradient as large as all the layers.
    """
    layers = zip(*(w.unbind(dim=1) for w in weights.values()), strict=True)
    return [dict(zip(weights, layer, strict=True)) for layer in layers]


def layer_first(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same weights, `(r, sets, *shape)`, with each weight set contiguous in memory: some 10 % faster to read."""
    return {name: w.transpose(0, 1).contiguous().transpose(0, 1) for name, w in weights.items()}


def blocks_of(step: Step, weights: Mapping[str, Tensor]) -> list[tuple[Theta, ...]]:
    """The weight sets that each block reads. Raises `ValueError` if no depth has so many."""
    sets = unstacked(weights)
    return [tuple(sets[i] for i in step.sets(k)) for k in range(step.depth_of(len(sets)))]


def forward(
    field: Field, step: Step, x0: Float[Tensor, "r n d"], weights: Mapping[str, Tensor], h: float
) -> Float[Tensor, "r n d"]:
    """The output `x_L`.

    The depth is that of the number of weight sets; `h` is the factor on a block. Raises
    `ValueError` if no depth has so many weight sets.
    """
    x = columns(x0)
    for thetas in blocks_of(step, weights):
        x = step.advance(field, x, h, thetas)
    return x


def states(
    field: Field, step: Step, x0: Float[Tensor, "r n d"], weights: Mapping[str, Tensor], h: float
) -> Float[Tensor, "layers r n d"]:
    """The states `x_0, ..., x_L`, stacked in front."""
    trajectory = [columns(x0)]
    for thetas in blocks_of(step, weights):
        trajectory.append(step.advance(field, trajectory[-1], h, thetas))
    return torch.stack(trajectory)


def reverse(
    field: Field, step: Step, x_last: Float[Tensor, "r n d"], weights: Mapping[str, Tensor], h: float
) -> Float[Tensor, "r n d"]:
    """`phi_{-v}(x_L)`: the blocks in reverse order, each with `-h` (`Step.reverse`). It is `x_0` up to the error of the
    scheme."""
    x = columns(x_last)
    for thetas in reversed(blocks_of(step, weights)):
        x = step.reverse(field, x, h, thetas)
    return x


class ResidualNetwork(torch.nn.Module):
    """A network of given weights, called on points: `network(x0)`, (n, d) -> (r, n, d), one output a replica.

    `weights` are its parameters, `weights["W"]` (r, sets, *shape); they are fixed until `network.requires_grad_()`,
    after which an optimiser of torch may train them. The output can be differentiated by the points too.
    """

    def __init__(self, field: VectorField, step: Step, weights: Mapping[str, Tensor], h: float) -> None:
        super().__init__()
        self.field, self.step, self.h = field, step, h
        self.weights = torch.nn.ParameterDict(
            {name: torch.nn.Parameter(w, requires_grad=False) for name, w in weights.items()}
        )

    def forward(self, x0: Any) -> Float[Tensor, "r n d"]:
        """`x_L` of points (n, d), or of one (d,): a tensor, an array or lists."""
        return forward(self.field, self.step, self._start(x0), dict(self.weights.items()), self.h)

    def states(self, x0: Any) -> Float[Tensor, "layers r n d"]:
        """`x_0, ..., x_L`, stacked in front."""
        return states(self.field, self.step, self._start(x0), dict(self.weights.items()), self.h)

    def _start(self, x0: Any) -> Float[Tensor, "r n d"]:
        like = next(iter(self.weights.values()))
        x = as_states(x0, self.field.width, like)
        return x.expand(len(like), *x.shape)

    def extra_repr(self) -> str:
        like = next(iter(self.weights.values()))
        depth = self.step.depth_of(like.shape[1])
        return (
            f"block={self.field.block.name}, activation={self.field.activation}, depth={depth},"
            f" width={self.field.width}, replicas={len(like)}, h={self.h:g}"
        )


@dataclass(frozen=True)
class LossGradients:
    """`dJ/dx_0`, `(r, n, d)`, and `dJ/dtheta_k`, stacked over depth like the weights; the loss `J`, as given."""

    loss: Tensor
    x0: Tensor
    weights: dict[str, Tensor]


@dataclass(frozen=True)
class ReversedGradients(LossGradients):
    """Gradients without stored activations, and the largest `|x_k - reconstructed x_k|` over layers and entries; nan if
    the true states were not given."""

    reconstruction_error: float


def gradients(
    field: Field,
    step: Step,
    x0: Float[Tensor, "r n d"],
    weights: Mapping[str, Tensor],
    h: float,
    cotangent_of: CotangentOf,
) -> LossGradients:
    """Loss and gradients by backpropagation through the network: exact, with the activations of all layers stored."""
    x0 = x0.detach().requires_grad_()
    leaves = {name: w.detach().requires_grad_() for name, w in weights.items()}
    with torch.enable_grad():
        x_last = forward(field, step, x0, leaves, h)
    loss, cotangent = cotangent_of(x_last.detach())
    dx0, *dweights = torch.autograd.grad(
        x_last, [x0, *leaves.values()], cotangent.detach(), allow_unused=True, materialize_grads=True
    )
    return LossGradients(loss, dx0, dict(zip(leaves, dweights, strict=True)))


def reversed_gradients(
    field: Field,
    step: Step,
    x0: Float[Tensor, "r n d"],
    weights: Mapping[str, Tensor],
    h: float,
    cotangent_of: CotangentOf,
    *,
    true_states: Float[Tensor, "layers r n d"] | None = None,
) -> ReversedGradients:
    """Loss and gradients with only `x_L` stored: activations are reconstructed backwards by `step.reverse`.

    The vector-Jacobian product of each block is exact at the reconstructed state, so the gradients have the
    error of the reconstruction: order 1 for Euler, at least 2 for Heun (3 where weights are smooth in depth).
    Source: Sander, Ablin & Peyré 2022, arXiv 2205.14612, sections 3 and 4.
    """
    weights = {name: w.detach() for name, w in weights.items()}
    blocks = blocks_of(step, weights)
    with torch.no_grad():
        x = forward(field, step, x0.detach(), weights, h)
        loss, cotangent = cotangent_of(x)
        dweights = {name: torch.zeros_like(w) for name, w in weights.items()}
        error = math.nan if true_states is None else 0.0
        for k in reversed(range(len(blocks))):
            x = step.reverse(field, x, h, blocks[k])
            if true_states is not None:
                error = max(error, float((x - true_states[k]).abs().max()))
            cotangent, dthetas = _pull_back(field, step, x, h, blocks[k], cotangent)
            for i, dtheta in zip(step.sets(k), dthetas, strict=True):
                for name, d in dtheta.items():
                    dweights[name][:, i] += d
    return ReversedGradients(loss, cotangent, dweights, error)


def _pull_back(
    field: Field, step: Step, x: Tensor, h: float, thetas: tuple[Theta, ...], cotangent: Tensor
) -> tuple[Tensor, list[dict[str, Tensor]]]:
    """`cotangent^T` times the derivatives of one block with respect to its state and its weight sets."""
    x = x.detach().requires_grad_()
    leaves = [{name: t.detach().requires_grad_() for name, t in theta.items()} for theta in thetas]
    flat = [t for theta in leaves for t in theta.values()]
    with torch.enable_grad():
        x_next = step.advance(field, x, h, leaves)
    dx, *dflat = torch.autograd.grad(x_next, [x, *flat], cotangent, allow_unused=True, materialize_grads=True)
    pieces = iter(dflat)
    return dx, [{name: next(pieces) for name in theta} for theta in leaves]
