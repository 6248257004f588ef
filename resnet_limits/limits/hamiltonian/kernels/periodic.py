"""`k(x, y) = exp((sum_a cos(x_a - y_a) - d) / l^2)`: points on the circle, or on a torus, of period 2 pi.

    -dH/dq_ia = sum_j M_ij sin(q_ia - q_ja),   M = K * (P P^T) / l^2

Near the diagonal it is the Gaussian kernel of this length. Source: MacKay, Introduction to Gaussian processes, 1998.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jaxtyping import Float

from .kernel import MatrixAt, OperatorKernel

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class PeriodicKernel(OperatorKernel):
    """The periodic kernel of this length scale."""

    name = "periodic"
    smooth = True

    length: float

    def at(self, q: Float[Tensor, "n d"]) -> PeriodicAt:
        return PeriodicAt(self, q)

    def matrix(self, x: Float[Tensor, "m d"], y: Float[Tensor, "n d"]) -> Float[Tensor, "m n"]:
        cosines = x.cos() @ y.cos().T + x.sin() @ y.sin().T
        return ((cosines - x.shape[1]) / self.length**2).exp()


class PeriodicAt(MatrixAt):
    """The periodic kernel at points `q`: the rate of the momenta in closed form, its tangent by autograd."""

    kernel: PeriodicKernel

    def rate(self, P: Tensor) -> Tensor:
        return self._turned(self.q, self.K, P)

    def _rate(self, q: Tensor, P: Tensor) -> Tensor:
        return self._turned(q, self.kernel.matrix(q, q), P)

    def both(self, P: Tensor) -> tuple[Tensor, Tensor]:
        return self.velocity(P), self.rate(P)

    def _turned(self, q: Tensor, K: Tensor, P: Tensor) -> Tensor:
        M, cos, sin = K * (P @ P.T) / self.kernel.length**2, q.cos(), q.sin()
        return sin * (M @ cos) - cos * (M @ sin)
