"""Reduced equivariant multichannel kernels by their definition, a double sum over a finite group.

    K(x, x') = sum_{g,g'} pi(g)^T R_out^T kappa(R_in pi(g) x, R_in pi(g') x') R_out pi(g'),    kappa = f.f' I

`pi(g)` permutes the sites of each channel, `R_in` and `R_out` restrict to the patch and to the outputs. For few sites:
`kernels/equivariant.py` never makes these matrices. Source: Owhadi 2020, arXiv 2008.03920.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ...networks.activations import Activation
from .permutations import PermutationGroup


@dataclass(frozen=True, eq=False)
class DoubleSum:
    """The kernel of the features `f(x) = (a(x), 1)` of a patch, for a group, a patch and outputs by their sites."""

    activation: Activation
    group: PermutationGroup
    patch: Sequence[int]
    outputs: Sequence[int] = (0,)

    def between(self, x: Float[Tensor, " d"], y: Float[Tensor, " d"]) -> Float[Tensor, "d d"]:
        """`K(x, y)` of two points, channels of values at each site."""
        pi = functional.one_hot(self.group.elements, self.group.sites).mT.double()
        kappa = self._features(x, pi) @ self._features(y, pi).T
        moved = pi[:, list(self.outputs)]
        K = torch.einsum("gos,gh,hot->st", moved, kappa, moved)
        return torch.kron(torch.eye(len(x) // self.group.sites, dtype=x.dtype), K)

    def gram(self, x: Float[Tensor, "m d"], y: Float[Tensor, "n d"]) -> Float[Tensor, "md nd"]:
        """All blocks `K(x_i, y_j)`."""
        return torch.cat([torch.cat([self.between(a, b) for b in y], dim=1) for a in x])

    def _features(self, x: Tensor, pi: Tensor) -> Tensor:
        """`f(R_in pi(g) x)` for each `g`, (order, features)."""
        values = torch.einsum("gts,cs->gct", pi, x.reshape(-1, self.group.sites))[..., list(self.patch)]
        return functional.pad(self.activation(values).flatten(1), (0, 1), value=1.0)
