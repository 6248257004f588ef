"""Laws of one layer's weights: i.i.d. entries. `W` (d, d), `b` (d,), per unit of time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..random import normals
from .span import coordinates


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
        *,
        seed: int,
        purpose: str,
        layer: int,
        first_replica: int = 0,
    ) -> Float[Tensor, "r n d"]:
        """`W f_i + c_i b` for fresh weights of this layer: exact in law for all of the vectors together.

        `biased` holds the `c_i`: 1 for a state's features, 0 for a tangent's. Replica `r` depends on nothing but
        (seed, purpose, layer, r), whichever replicas are sampled with it.
        """
        r, n, d = vectors.shape
        bias = (self.sigma_b * biased.to(vectors)).expand(r, n).unsqueeze(-1)
        R, _ = coordinates(torch.cat([vectors * (self.sigma_w / math.sqrt(d)), bias], dim=-1))
        Z = normals(
            (n, d),
            replicas=r,
            seed=seed,
            purpose=purpose,
            layer=layer,
            dtype=vectors.dtype,
            device=vectors.device,
            first_replica=first_replica,
        )
        return math.sqrt(h) * torch.bmm(R, Z)

    def variance(self, features: Float[Tensor, "r n d"]) -> Float[Tensor, "r n d"]:
        """`v = sigma_b^2 + sigma_w^2 |f|^2 / d`: variance of each pre-activation, per unit of time; (r, n, 1) expanded."""
        v = self.sigma_b**2 + self.sigma_w**2 * features.square().mean(dim=-1, keepdim=True)
        return v.expand_as(features)

    def mean(self, features: Float[Tensor, "r n d"]) -> Float[Tensor, "r n d"] | float:
        """`mu f + mu_b`: mean of the pre-activations, per unit of time."""
        return 0.0
