"""Blocks of two layers, `x + B phi(A x + a) + b`, with fresh weights in every block, sampled on two spans.

    A_ij ~ N(0, sigma_A^2 h^(2 alpha) / D)      a_i ~ N(0, sigma_a^2 h^(2 alpha))
    B_ij ~ N(0, sigma_B^2 h^(1 - 2 alpha) / D)  b_i ~ N(0, sigma_b^2 h)

alpha > 0: every layer shrinks, `phi(u)` is nearly `phi'(0) u`, the limit is that of a linear network, without Ito
drift. alpha = 0: only the last layer shrinks, the limit has a non-linear kernel (Peluchetti & Favaro 2020, arXiv
2007.03253).

The pre-activations `A x + a` of all states are drawn on the span of the states, then `B` acts on the span of the hidden
features. Several branches (activations, exponents) share all weights up to their powers of h.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..fixed_shape import gram as inner_products
from ..networks.activations import activation_named
from ..random import Stream, normals
from .layer_law import Act, Isotropic
from .wide import mean_gram, pre_activations


@dataclass(frozen=True)
class ResidualBranch:
    """`outside(B phi(A x + a) + b)`, the outer activation being mostly the identity.

    `linear`: `phi'(0) z` in place of `phi(z)`, whose overlaps are known in the mean. `sign = -1`: with `-A, -a, -B`, of
    the same law; the mean over both signs has no error of odd order in the even part of phi.
    """

    phi: str
    alpha: float
    linear: bool = False
    sign: float = 1.0
    outside: str = "identity"

    def hidden(self, u: Tensor, h: float) -> Tensor:
        """The hidden features for `u = A x + a` without its `h^alpha`, times `h^-alpha`, which B lacks."""
        if self.linear:
            return activation_named(self.phi).taylor()[0] * u
        size = self.sign * h**self.alpha
        return activation_named(self.phi)(size * u) / size


def final(
    branches: Sequence[ResidualBranch],
    x0: Float[Tensor, "r n d"],
    *,
    inner: Isotropic,
    outer: Isotropic,
    depth: int,
    horizon: float,
    stream: Stream,
    act: Act,
) -> tuple[list[Float[Tensor, "r n d"]], list[Float[Tensor, "r n n"]]]:
    """`(states, compensators)`: of every branch `x_L`, and its overlaps without the noise of `B` and `b`,

        <x_0, x_0>/D + h sum_k (sigma_B^2 <phi(u_k), phi(u_k)>/D + sigma_b^2)

    which have the same mean (the outer activation being the identity): increments are uncorrelated with the state.
    `inner` is the law of `A, a`, `outer` that of `B, b`, per unit of time; `act` says how they act, an engine's.
    """
    n, h = x0.shape[1], horizon / depth
    biased = torch.ones(n * len(branches))
    states = [x0 for _ in branches]
    squares = [x0.new_zeros(x0.shape[0], n, n) for _ in branches]
    for k in range(depth):
        u = act(inner, torch.cat(states, dim=1), biased, 1.0, stream.part(" inner").at(k))
        hidden = [b.hidden(part, h) for b, part in zip(branches, u.split(n, dim=1), strict=True)]
        for total, features in zip(squares, hidden, strict=True):
            total.add_(inner_products(features, first=stream.first_replica), alpha=1 / features.shape[-1])
        z = act(outer, torch.cat(hidden, dim=1), biased, h, stream.part(" outer").at(k))
        moved = zip(branches, states, z.split(n, dim=1), strict=True)
        states = [x + activation_named(b.outside)(part) for b, x, part in moved]
    start = mean_gram(x0)
    compensators = [start + h * outer.sigma_w**2 * total.double() + horizon * outer.sigma_b**2 for total in squares]
    return states, compensators


def wide_pair(
    phi: str,
    x0: Float[Tensor, "n d"],
    ideal: Sequence[Float[Tensor, "n n"]],
    *,
    inner: tuple[float, float],
    outer: tuple[float, float],
    replicas: int,
    horizon: float,
    stream: Stream,
) -> tuple[Float[Tensor, "r n d"], Float[Tensor, "r n d"]]:
    """`(x_L, y_L)` for alpha = 0: wide networks, and the infinitely wide one on the same normals.

    `ideal` holds the overlaps of the latter after 0, 1, ..., L blocks; its increments are Gaussian, their covariance is
    the increment of `ideal`.
    """
    depth = len(ideal) - 1
    h = horizon / depth
    x = x0.expand(replicas, *x0.shape)
    y = x

    def drawn(layer: str, k: int) -> Tensor:
        layer_stream = stream.part(f" {layer}").at(k)
        return normals(tuple(x0.shape), layer_stream, replicas=replicas, dtype=x.dtype, device=x.device)

    for k in range(depth):
        hidden = activation_named(phi)(pre_activations(inner[0] ** 2 * mean_gram(x) + inner[1] ** 2, drawn("inner", k)))
        Z = drawn("outer", k)
        x = x + pre_activations(h * (outer[0] ** 2 * mean_gram(hidden) + outer[1] ** 2), Z)
        y = y + pre_activations((ideal[k + 1] - ideal[k])[None], Z)
    return x, y
