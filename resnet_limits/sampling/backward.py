"""Backward passes through networks whose weights are never formed.

    a_k = (d step / d z)^T p_{k+1}                            costate of the pre-activations z_k = W_k psi(x_k) + b_k
    p_k = p_{k+1} + psi'(x_k) W_k^T a_k                       (a general scheme: its own derivatives)
    dJ/dW_k = sum_i a_k^i psi(x_k^i)^T,    dJ/db_k = sum_i a_k^i

`p_{k+1}` depends on layer k only through `x_{k+1}`: given the forward pass, `W_k^T a_k` is drawn from its conditional
law (`Law.transposed`). The joint law of states, tangents, costates and gradients is that of backpropagation through
full matrices. Inputs share the weights; norms of gradients need Gram matrices alone:
`|dJ/dW_k|^2 = sum_ij <a^i, a^j> <psi(x^i), psi(x^j)>`.

The tape takes about `4 n d` numbers a layer and replica. Whoever wants one asks an engine (`engines/`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..fixed_shape import gram
from ..random import Stream
from .layer_law import Law, PreActivations
from .schemes import Scheme
from .tangent import Bundle
from .tape import Layer, Tape


@dataclass(frozen=True)
class SpanTape(Tape):
    """What a law said about the weights of each layer, with which it draws their transposes."""

    drawn: Sequence[PreActivations]
    scheme: Scheme
    law: Law
    h: float
    stream: Stream

    def backward(self, p: Float[Tensor, "r n d"]) -> Iterator[Layer]:
        first, fresh = self.stream.first_replica, self.stream.part(" backward")
        for k in reversed(range(len(self.drawn))):
            x, z = self.states[k], self.pre_activations[k]
            direct, through_features, a, features, pull = _pull_back(self.scheme, x, z, self.h, p)
            back = self.law.transposed(a, self.drawn[k], self.h, fresh.at(k))
            p = direct + pull(back + through_features)
            overlaps = gram(a, first=first) * gram(features, first=first)
            weights = overlaps.sum(dim=(1, 2)).clamp_min(0).sqrt()
            yield Layer(k, p, weights, a.sum(dim=1).norm(dim=-1))


def recorded_pass(
    scheme: Scheme,
    x0: Float[Tensor, "r n d"],
    law: Law,
    *,
    depth: int,
    horizon: float,
    stream: Stream,
    u0: Float[Tensor, "r n m d"] | None = None,
) -> SpanTape:
    """The forward pass, kept. Tangents from `u0` are walked along: `<p_{k+1}, u_{k+1}> = <p_k, u_k>` then holds."""
    if u0 is None:
        u0 = x0.new_zeros(*x0.shape[:2], 0, x0.shape[-1])
    n, h = x0.shape[1], horizon / depth
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
    return SpanTape(states, [now.z[:, :n] for now in drawn], along, drawn, scheme, law, h, stream)


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
