"""Backward passes through networks whose weights are never formed.

    a_k = (d step / d z)^T p_{k+1}                            costate of the pre-activations z_k = W_k psi(x_k) + b_k
    p_k = p_{k+1} + psi'(x_k) W_k^T a_k                       (a general scheme: its own derivatives)
    dJ/dW_k = sum_i a_k^i psi(x_k^i)^T,    dJ/db_k = sum_i a_k^i

`p_{k+1}` depends on layer k only through `x_{k+1}`: given the forward pass, `W_k^T a_k` is drawn from its conditional
law (`Law.transposed`). The joint law of states, tangents, costates and gradients is that of backpropagation through
full matrices. Inputs share the weights; norms of gradients need Gram matrices alone:
`|dJ/dW_k|^2 = sum_ij <a^i, a^j> <psi(x^i), psi(x^j)>`.

    tape = record(Network("tanh"), x0, law, depth=64, horizon=1.0, stream=Stream(0, "..."))
    for layer in backward(tape, p_L): ...         # k = L-1, ..., 0: layer.k, layer.p = p_k, layer.weights, layer.biases
    gradients(...)                                # both, for norms by layer and no more

The tape takes about `4 n d` numbers a layer and replica.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..fixed_shape import gram
from ..random import Stream
from .law import Drawn, Law
from .tangent import Bundle
from .walk import Scheme


@dataclass(frozen=True)
class Tape:
    """A forward pass: states `x_0, ..., x_L` (r, n, d), what is known of the weights, and tangents if any."""

    scheme: Scheme
    law: Law
    h: float
    stream: Stream
    states: list[Float[Tensor, "r n d"]]
    tangents: list[Float[Tensor, "r n m d"]]
    drawn: list[Drawn]

    @property
    def final(self) -> Float[Tensor, "r n d"]:
        """`x_L`."""
        return self.states[-1]


@dataclass(frozen=True)
class Layer:
    """`p_k = dJ/dx_k` (r, n, d) and the Frobenius norms of `dJ/dW_k`, `dJ/db_k` (r,), summed over the inputs."""

    k: int
    p: Float[Tensor, "r n d"]
    weights: Float[Tensor, " r"]
    biases: Float[Tensor, " r"]


@dataclass(frozen=True)
class Gradients:
    """Norms by layer: `|dJ/dW_k|`, `|dJ/db_k|` (depth, r), k = 0..L-1, and `|p_k^i|` (depth + 1, r, n), k = 0..L."""

    weights: Float[Tensor, "l r"]
    biases: Float[Tensor, "l r"]
    states: Float[Tensor, "l1 r n"]


def record(
    scheme: Scheme,
    x0: Float[Tensor, "r n d"],
    law: Law,
    *,
    depth: int,
    horizon: float,
    stream: Stream,
    u0: Float[Tensor, "r n m d"] | None = None,
) -> Tape:
    """The forward pass, kept. Tangents from `u0` are walked along: `<p_{k+1}, u_{k+1}> = <p_k, u_k>` then holds."""
    if u0 is None:
        u0 = x0.new_zeros(*x0.shape[:2], 0, x0.shape[-1])
    h = horizon / depth
    bundle = Bundle(scheme, *u0.shape[1:3])
    lifted, joint = (bundle, bundle.join(x0, u0)) if bundle.tangents else (scheme, x0)
    states, along, drawn = [x0], [u0], []
    for k in range(depth):
        features = lifted.features(joint)
        now = law.draw(features, bundle.biased, h, stream.at(k))
        joint = lifted.step(joint, features, now.z, h)
        x, u = bundle.part(joint)
        states.append(x)
        along.append(u)
        drawn.append(now)
    return Tape(scheme, law, h, stream, states, along, drawn)


def backward(tape: Tape, p: Float[Tensor, "r n d"]) -> Iterator[Layer]:
    """From `p_L = dJ/dx_L` down: yields layers k = L-1, ..., 0.

    The fresh normals have the purpose of the tape with ` backward` after it; a tape has one backward pass (a second one
    with another `p` would draw what the first has drawn already: give both losses as inputs of their own instead).
    """
    n = p.shape[1]
    for k in reversed(range(len(tape.drawn))):
        x, drawn = tape.states[k], tape.drawn[k]
        direct, through_features, a, features, pull = _pull_back(tape.scheme, x, drawn.z[:, :n], tape.h, p)
        back = tape.law.transposed(a, drawn, tape.h, tape.stream.part(" backward").at(k))
        p = direct + pull(back + through_features)
        overlaps = gram(a, first=tape.stream.first_replica) * gram(features, first=tape.stream.first_replica)
        weights = overlaps.sum(dim=(1, 2)).clamp_min(0).sqrt()
        yield Layer(k, p, weights, a.sum(dim=1).norm(dim=-1))


def gradients(
    scheme: Scheme,
    x0: Float[Tensor, "r n d"],
    loss_gradient: Callable[[Float[Tensor, "r n d"]], Float[Tensor, "r n d"]],
    law: Law,
    *,
    depth: int,
    horizon: float,
    stream: Stream,
) -> Gradients:
    """Forward and backward pass of a loss `J(x_L)` with `loss_gradient(x_L) = dJ/dx_L`, (r, n, d); norms by layer."""
    tape = record(scheme, x0, law, depth=depth, horizon=horizon, stream=stream)
    p = loss_gradient(tape.final)
    layers = list(_norms(backward(tape, p)))[::-1]
    weights, biases, states = (torch.stack(column) for column in zip(*layers, strict=True))
    return Gradients(weights, biases, torch.cat([states, p.norm(dim=-1)[None]]))


def _norms(layers: Iterator[Layer]) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    for layer in layers:
        yield layer.weights, layer.biases, layer.p.norm(dim=-1)


def _pull_back(
    scheme: Scheme, x: Tensor, z: Tensor, h: float, p: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor, Callable[[Tensor], Tensor]]:
    """Vector-Jacobian products of one step: along x directly, the features, z; and the features with their own."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        features = scheme.features(x)
        f, z = features.detach().requires_grad_(), z.detach().requires_grad_()
        y = scheme.step(x, f, z, h)
    direct, through_features, a = torch.autograd.grad(y, (x, f, z), p, allow_unused=True, materialize_grads=True)

    def pull(g: Tensor) -> Tensor:
        return torch.autograd.grad(features, x, g)[0]

    return direct, through_features, a, f.detach(), pull
