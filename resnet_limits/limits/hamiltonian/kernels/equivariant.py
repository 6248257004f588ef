"""`K(x, x') = sum_{g,g'} pi(g)^T R_out^T f(R_in pi(g) x) . f(R_in pi(g') x') R_out pi(g')`: weights that windows share.

A reduced equivariant multichannel kernel, in feature space: of the velocity field the weights are one filter,

    omega = sum_j sum_g (R_out pi(g) P_j) f(R_in pi(g) x_j)^T     (c, c taps + 1),   f(x) = (a(x), 1),   |v| = |omega|
    v(x) = sum_g pi(g)^T R_out^T omega f(R_in pi(g) x),           conv(a(x), W) + b for shifts,          v(g x) = g v(x)

so nothing of the size of points by points appears; `double_sum.py` has the sum as it is defined. Source: Owhadi 2020,
arXiv 2008.03920.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jaxtyping import Float

from ....networks.activations import activation_named
from .features import FeaturesKernel

if TYPE_CHECKING:
    from torch import Tensor

    from ..windows import Windows


@dataclass(frozen=True, eq=False)
class EquivariantKernel(FeaturesKernel):
    """The kernel of the features of windows: a row of features for each element of the group, and one filter for all.

    A point is its channels one after another, each a value at every site.
    """

    name = "equivariant"
    scalar = False

    windows: Windows = field(kw_only=True)

    @classmethod
    def of(cls, keys: Mapping[str, Any]) -> EquivariantKernel:
        """That of the group with these `generators` and a `patch`, by default all sites, outputs one site of each
        orbit; without generators that of the cyclic shifts of the data's `grid`, with windows of so many sites."""
        from ..permutations import PermutationGroup
        from ..windows import Windows

        if keys["generators"] is None:
            windows = Windows.of_shifts(keys["grid"], keys["window"], channels=keys["channels"])
        else:
            group = PermutationGroup.generated_by(keys["generators"])
            patch = keys["patch"] or range(group.sites)
            windows = Windows.of_group(group, patch, group.orbits, channels=keys["channels"])
        return cls(activation_named(keys["activation"]), keys["bias"], windows=windows)

    @classmethod
    def heeded(cls) -> tuple[str, ...]:
        return ("activation", "bias", "window", "generators", "patch")

    def matrix(self, x: Float[Tensor, "m d"], y: Float[Tensor, "n d"]) -> Float[Tensor, "md nd"]:
        """The blocks `K(x_i, y_j)` (d, d), of a few points."""
        return self._moves(x) @ self._moves(y).T

    def _moves(self, x: Tensor) -> Tensor:
        """How each of the weights moves the points, (m d, weights)."""
        import torch

        units = torch.eye(self.rows(x[:1]).shape[1], dtype=x.dtype)
        f = self.of_points(x)
        moves = [self.of_rows(f[:, k, None] * unit) for unit in units for k in range(f.shape[1])]
        return torch.stack([move.flatten() for move in moves], dim=1)

    def taps(self, a: Tensor) -> Tensor:
        return self.windows.read(a)

    def pushed(self, a: Tensor, W: Tensor) -> Tensor:
        return self.of_rows((W @ self.taps(a).mT).mT)  # in the order of memory of a gather

    def carried(self, P: Tensor, W: Tensor) -> Tensor:
        return self.windows.read.transposed((W.mT @ self.rows(P).mT).mT)

    def rows(self, P: Tensor) -> Tensor:
        return self.windows.write(P)

    def of_rows(self, y: Tensor) -> Tensor:
        return self.windows.write.transposed(y)
