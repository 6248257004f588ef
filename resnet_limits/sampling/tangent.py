"""Tangents beside states: `u_{k+1} = u_k + phi'(z_k) W_k psi'(x_k) u_k`, the columns of Jacobians `dx_k/dx_0`.

A scheme acts on states; lifted to the tangent bundle it acts on states and tangents at once, and its derivative comes
from the scheme itself (forward mode). What the weights act on grows by `psi'(x) u` without bias: the joint law of
states and tangents is exact, as that of several states is.

    tangents([Walker(Network("tanh"), 64)], x0, u0, law, horizon=1.0, stream=Stream(0, "..."))
    -> (k, states, tangents), states (r, n, d) and tangents (r, n, m, d) a walker: m tangents at each of n inputs
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import forward_ad

from ..random import Stream
from .layer_law import Law
from .schemes import Scheme, Walker
from .walk import walk


@dataclass(frozen=True)
class Bundle:
    """A scheme on states and tangents, kept as `(r, n + n m, d)`: n states, then m tangents of each of them."""

    scheme: Scheme
    inputs: int
    tangents: int

    @property
    def biased(self) -> Float[Tensor, " v"]:
        """The bias acts on states and not on tangents."""
        return torch.cat([torch.ones(self.inputs), torch.zeros(self.inputs * self.tangents)])

    def join(self, x: Float[Tensor, "r n d"], u: Float[Tensor, "r n m d"]) -> Float[Tensor, "r v d"]:
        return torch.cat([x, u.flatten(1, 2)], dim=1)

    def part(self, joint: Float[Tensor, "r v d"]) -> tuple[Float[Tensor, "r n d"], Float[Tensor, "r n m d"]]:
        """States and tangents."""
        x, u = joint.tensor_split([self.inputs], dim=1)
        return x, u.unflatten(1, (self.inputs, self.tangents))

    def features(self, x: Tensor) -> Tensor:
        states, along = x.tensor_split([self.inputs], dim=1)
        with forward_ad.dual_level():
            _, change = _both(self.scheme.features(forward_ad.make_dual(self._each(states), along)))
        return torch.cat([self.scheme.features(states), change], dim=1)

    def step(self, x: Tensor, features: Tensor, z: Tensor, h: float) -> Tensor:
        (x, u), (f, df), (z, dz) = (v.tensor_split([self.inputs], dim=1) for v in (x, features, z))
        with forward_ad.dual_level():
            xu, fu, zu = (forward_ad.make_dual(self._each(v), along) for v, along in ((x, u), (f, df), (z, dz)))
            _, change = _both(self.scheme.step(xu, fu, zu, h))
        return torch.cat([self.scheme.step(x, f, z, h), change], dim=1)

    def _each(self, states: Float[Tensor, "r n d"]) -> Float[Tensor, "r nm d"]:
        return states.repeat_interleave(self.tangents, dim=1)


def _both(dual: Tensor) -> tuple[Tensor, Tensor]:
    value, along = forward_ad.unpack_dual(dual)
    return value, torch.zeros_like(value) if along is None else along


def tangents(
    walkers: Sequence[Walker],
    x0: Float[Tensor, "r n d"],
    u0: Float[Tensor, "r n m d"],
    law: Law,
    *,
    horizon: float,
    stream: Stream,
    layers: Collection[int] | None = None,
) -> Iterator[tuple[int, list[Tensor], list[Tensor]]]:
    """`walk` with m tangents at each input: yields `(k, states, tangents)`.

    `u0 = eye(d).expand(r, n, d, d)` gives Jacobians: row j of the result is column j of `dx_k/dx_0`.
    """
    n, m = u0.shape[1:3]
    bundles = [Bundle(w.scheme, n, m) for w in walkers]
    lifted = [Walker(bundle, w.depth) for bundle, w in zip(bundles, walkers, strict=True)]
    start = bundles[0].join(x0, u0)
    steps = walk(
        lifted,
        start,
        law,
        horizon=horizon,
        stream=stream,
        layers=layers,
        biased=bundles[0].biased,
    )
    for k, joint in steps:
        pairs = [bundle.part(state) for bundle, state in zip(bundles, joint, strict=True)]
        yield k, [x for x, _ in pairs], [u for _, u in pairs]
