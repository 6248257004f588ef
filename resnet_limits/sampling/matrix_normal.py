"""Laws of one layer's weights: matrix normal, with a mean.

    W = h mu + sqrt(h) U^(1/2) G V^(1/2),     b = h mu_b + sqrt(h) S^(1/2) g,     G, g standard normal

so that `Cov(W_ij, W_kl) = U_ik V_jl h` and `Cov(b) = S h` (Peluchetti & Favaro 2020, arXiv 2007.03253). The SDE has
drift `phi'(0) (mu psi + mu_b) + 1/2 phi''(0) diag(U psi^T V psi + S)`. Roots are symmetric: singular covariances are
exact. `G` acts on the span of the `V^(1/2) f_i`; the bias has normals of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import SettingError
from ..fixed_shape import times
from ..random import Stream
from .layer_law import PreActivations, applied, conditional_adjoint
from .noise import noise
from .span import augmented, basis_size, coordinates, triangle


@dataclass(frozen=True, eq=False)
class MatrixNormal:
    """Means `mu` (d, d), `mu_b` (d,); covariances of rows `U`, columns `V` and bias `S` (d, d), per unit of time.

    Raises `SettingError` where a covariance is not symmetric and positive semidefinite.
    """

    mu: Float[Tensor, "d d"]
    mu_b: Float[Tensor, " d"]
    U: Float[Tensor, "d d"]
    V: Float[Tensor, "d d"]
    S: Float[Tensor, "d d"]

    def __post_init__(self) -> None:
        roots = {name: _root(getattr(self, name), name) for name in ("U", "V", "S")}
        object.__setattr__(self, "_roots", roots)
        object.__setattr__(self, "_at", {})

    def act(
        self,
        vectors: Float[Tensor, "r n d"],
        biased: Float[Tensor, " n"],
        h: float,
        stream: Stream,
    ) -> Float[Tensor, "r n d"]:
        """`W f_i + c_i b` for fresh weights of this layer, as `Isotropic.act`."""
        first = stream.first_replica
        white = times(vectors, self._constants(vectors)["root_V"], first=first)
        R = triangle(white, 1.0, torch.zeros_like(biased).to(vectors), first=first)
        Z, g = self._noise(vectors, stream)
        return self._pre_activations(vectors, biased, h, applied(R, Z, first=first), g, first)

    def draw(
        self,
        vectors: Float[Tensor, "r n d"],
        biased: Float[Tensor, " n"],
        h: float,
        stream: Stream,
    ) -> PreActivations:
        """`act`, and what it says about `G`."""
        first = stream.first_replica
        white = times(vectors, self._constants(vectors)["root_V"], first=first)
        R, Q = coordinates(augmented(white, 1.0, torch.zeros_like(biased).to(vectors)))
        Z, g = self._noise(vectors, stream)
        y = applied(R, Z.clone(), first=first)
        return PreActivations(self._pre_activations(vectors, biased, h, y, g, first), Q, Z)

    def transposed(
        self,
        costates: Float[Tensor, "r c d"],
        drawn: PreActivations,
        h: float,
        stream: Stream,
    ) -> Float[Tensor, "r c d"]:
        """`W^T a_j = h mu^T a_j + sqrt(h) V^(1/2) G^T U^(1/2) a_j`, given what the forward pass has drawn."""
        with_roots, first = self._constants(costates), stream.first_replica
        rooted = times(costates, with_roots["root_U"], first=first)
        y = conditional_adjoint(rooted, drawn, stream)
        mean = times(costates, with_roots["mu"], first=first)
        return h * mean + math.sqrt(h) * times(y, with_roots["root_V"], first=first)

    def variance(self, features: Float[Tensor, "r n d"]) -> Float[Tensor, "r n d"]:
        """`diag(U f^T V f + S)`: variance of each pre-activation, per unit of time."""
        c = self._constants(features)
        along = (times(features, c["V"]) * features).sum(dim=-1, keepdim=True)
        return c["U"].diagonal() * along + c["S"].diagonal()

    def mean(self, features: Float[Tensor, "r n d"]) -> Float[Tensor, "r n d"]:
        """`mu f + mu_b`: mean of the pre-activations, per unit of time."""
        c = self._constants(features)
        return times(features, c["mu"].mT) + c["mu_b"]

    def _pre_activations(self, vectors: Tensor, biased: Tensor, h: float, y: Tensor, g: Tensor, first: int) -> Tensor:
        c = self._constants(vectors)
        bias = h * c["mu_b"] + math.sqrt(h) * times(g, c["root_S"], first=first)
        weights = h * times(vectors, c["mu"].mT, first=first) + math.sqrt(h) * times(y, c["root_U"], first=first)
        return weights + biased.to(vectors)[:, None] * bias

    def _noise(self, vectors: Tensor, stream: Stream) -> tuple[Tensor, Tensor]:
        """`G q_j` (r, m, d) for the vectors of the basis, and `g` (r, 1, d)."""
        r, n, d = vectors.shape
        m = basis_size(n, d + 1)
        numbers = noise((m + 1, d), stream, replicas=r, dtype=vectors.dtype, device=vectors.device)
        return numbers[:, :m], numbers[:, m:]

    def _constants(self, like: Tensor) -> dict[str, Tensor]:
        """The parameters and the roots in the dtype and on the device of `like`, converted once."""
        kept: dict = self._at  # type: ignore[attr-defined]
        key = like.dtype, like.device
        if key not in kept:
            roots: dict[str, Tensor] = self._roots  # type: ignore[attr-defined]
            values = {name: getattr(self, name) for name in ("mu", "mu_b", "U", "V", "S")}
            values |= {f"root_{name}": root for name, root in roots.items()}
            kept[key] = {name: value.to(like) for name, value in values.items()}
        return kept[key]


def _root(covariance: Float[Tensor, "d d"], name: str) -> Float[Tensor, "d d"]:
    values, vectors = torch.linalg.eigh(covariance.double())
    rounding = 1e-10 * max(float(values.abs().max()), 1e-300)
    if not torch.allclose(covariance, covariance.mT) or float(values.min()) < -rounding:
        raise SettingError(
            f"covariance {name}: expected a symmetric positive semidefinite matrix, "
            f"got one with eigenvalues from {float(values.min()):.3g} to {float(values.max()):.3g}"
        )
    return vectors * values.clamp(min=0).sqrt() @ vectors.mT
