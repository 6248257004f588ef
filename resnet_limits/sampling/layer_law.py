"""Laws of one layer's weights: i.i.d. entries. `W` (d, d), `b` (d,), per unit of time.

With `[W b] = sqrt(h) G diag(sigma_w / sqrt(d), ..., sigma_b)` and vectors `(f_i, c_i)` whitened accordingly to rows of
`F~ = R Q` (n, d + 1), the pre-activations are `Z~ = sqrt(h) R Z`, `Z = (G Q^T)^T` being `n d` independent normals.
Nothing else of `G` is known afterwards: its action on the complement of the span is still free (`PreActivations`,
`transposed`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from ..fixed_shape import add_product, inner, product
from ..random import Stream
from .noise import noise
from .span import basis_size, coordinates, triangle


@dataclass(frozen=True)
class PreActivations:
    """Pre-activations `z` (r, n, d), and all that they say about the weights: `G q_j = images_j` for a basis `q_j`."""

    z: Float[Tensor, "r n d"]
    basis: Float[Tensor, "r m e"]
    images: Float[Tensor, "r m d"]


@runtime_checkable
class Law(Protocol):
    """What samplers ask of a law of one layer's weights."""

    def act(self, vectors: Tensor, biased: Tensor, h: float, stream: Stream) -> Tensor:
        """`W f_i + c_i b`, (r, n, d)."""
        ...

    def draw(self, vectors: Tensor, biased: Tensor, h: float, stream: Stream) -> PreActivations:
        """The same, with what it says about the weights."""
        ...

    def transposed(self, costates: Tensor, drawn: PreActivations, h: float, stream: Stream) -> Tensor:
        """`W^T a_j` for the weights of which `drawn` is known, (r, c, d)."""
        ...

    def variance(self, features: Tensor) -> Tensor:
        """Variance of each pre-activation, per unit of time."""
        ...

    def mean(self, features: Tensor) -> Tensor | float:
        """Mean of each pre-activation, per unit of time."""
        ...


Act = Callable[[Law, Tensor, Tensor, float, Stream], Tensor]
"""`Law.act` of a law, as an engine does it (`Engine.act`)."""


@dataclass(frozen=True)
class Isotropic:
    """`W_ij ~ N(0, sigma_w^2 h / d)`, `b_i ~ N(0, sigma_b^2 h)`, all independent (Peluchetti & Favaro 2020)."""

    sigma_w: float
    sigma_b: float

    def act(
        self,
        vectors: Float[Tensor, "r n d"],
        biased: Float[Tensor, " n"],
        h: float,
        stream: Stream,
    ) -> Float[Tensor, "r n d"]:
        """`W f_i + c_i b` for fresh weights of this layer: exact in law for all of the vectors together.

        `biased` holds the `c_i`: 1 for a state's features, 0 for a tangent's. Replica `r` depends on nothing but
        the stream and `r`, whichever replicas are sampled with it.
        """
        d = vectors.shape[-1]
        size = math.sqrt(h)
        extra = size * self.sigma_b * biased.to(vectors)
        R = triangle(vectors, size * self.sigma_w / math.sqrt(d), extra, first=stream.first_replica)
        return applied(R, _images(vectors, stream), first=stream.first_replica)

    def draw(
        self,
        vectors: Float[Tensor, "r n d"],
        biased: Float[Tensor, " n"],
        h: float,
        stream: Stream,
    ) -> PreActivations:
        """`act`, and what it says about the weights: for backward passes."""
        r, n, d = vectors.shape
        bias = (self.sigma_b * biased.to(vectors)).expand(r, n).unsqueeze(-1)
        R, Q = coordinates(torch.cat([vectors * (self.sigma_w / math.sqrt(d)), bias], dim=-1))
        Z = _images(vectors, stream)
        return PreActivations(applied(math.sqrt(h) * R, Z.clone(), first=stream.first_replica), Q, Z)

    def transposed(
        self,
        costates: Float[Tensor, "r c d"],
        drawn: PreActivations,
        h: float,
        stream: Stream,
    ) -> Float[Tensor, "r c d"]:
        """`W^T a_j`, given what the forward pass has drawn; give the fresh normals a purpose of their own."""
        y = conditional_adjoint(costates, drawn, stream)
        return math.sqrt(h / costates.shape[-1]) * self.sigma_w * y

    def variance(self, features: Float[Tensor, "r n d"]) -> Float[Tensor, "r n d"]:
        """`v = sigma_b^2 + sigma_w^2 |f|^2 / d`: variance of each pre-activation, per unit of time."""
        v = self.sigma_b**2 + self.sigma_w**2 * features.square().mean(dim=-1, keepdim=True)
        return v.expand_as(features)

    def mean(self, features: Float[Tensor, "r n d"]) -> Float[Tensor, "r n d"] | float:
        """`mu f + mu_b`: mean of the pre-activations, per unit of time."""
        return 0.0


def conditional_adjoint(
    costates: Float[Tensor, "r c d"], drawn: PreActivations, stream: Stream
) -> Float[Tensor, "r c d"]:
    """`G^T a = Q^T (G Q^T)^T a + (I - Q^T Q) n` without its last coordinate, `n` fresh, of this stream.

    The `n_j` have covariance `<a_i, a_j> I`: with `a = R_a Q_a` they are `R_a` times independent normals. The last
    coordinate, that of the bias, takes part in the projection.
    """
    (r, c, d), first = costates.shape, stream.first_replica
    R = triangle(costates, 1.0, costates.new_zeros(c), first=first)
    fresh = noise(
        (R.shape[-1], d + 1),
        stream,
        replicas=r,
        dtype=costates.dtype,
        device=costates.device,
    )
    n = applied(R, fresh, first=first)
    known = inner(costates, drawn.images, first=first) - inner(n, drawn.basis, first=first)
    return add_product(n, known, drawn.basis, first=first)[..., :d]


def _images(vectors: Tensor, stream: Stream) -> Float[Tensor, "r m d"]:
    """Independent normals: `G q_j` for the basis vectors of `n` vectors and a bias coordinate."""
    r, n, d = vectors.shape
    return noise(
        (basis_size(n, d + 1), d),
        stream,
        replicas=r,
        dtype=vectors.dtype,
        device=vectors.device,
    )


def applied(R: Float[Tensor, "r n m"], Z: Float[Tensor, "r m d"], *, first: int = 0) -> Float[Tensor, "r n d"]:
    """`R Z`, for one or two vectors in the memory of Z; equal rows of R give equal rows."""
    if R.shape[1:] == (1, 1):
        return Z.mul_(R)
    if R.shape[1:] == (2, 2):
        Z[:, 1].mul_(R[:, 1, 1:]).addcmul_(Z[:, 0], R[:, 1, :1])
        Z[:, 0].mul_(R[:, 0, :1])
        return Z
    return product(R, Z, first=first)
