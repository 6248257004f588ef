"""The schemes of shallow blocks: the network `x + phi(W psi(x) + b)`, its SDE, and the SDE without its Ito drift.

network           x <- x + phi(z)                                z = W psi(x) + b
its SDE           x <- x + phi'(0) z + 1/2 phi''(0) v(x) h       the same z
no Ito drift      x <- x + phi'(0) z                             (a control)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import Tensor

from ..networks.activations import activation_named
from .layer_law import Law


@runtime_checkable
class Scheme(Protocol):
    """How a state is stepped by a pre-activation increment `z` (r, n, d) over a time `h`."""

    def features(self, x: Tensor) -> Tensor:
        """What the weights act on, (r, n, d)."""
        ...

    def step(self, x: Tensor, features: Tensor, z: Tensor, h: float) -> Tensor:
        """The next state."""
        ...


@dataclass(frozen=True)
class Walker:
    """A scheme at a depth."""

    scheme: Scheme
    depth: int


@dataclass(frozen=True)
class ShallowNetwork:
    """`x + phi(W psi(x) + b)`."""

    phi: str
    psi: str = "identity"

    def features(self, x: Tensor) -> Tensor:
        return activation_named(self.psi)(x)

    def step(self, x: Tensor, features: Tensor, z: Tensor, h: float) -> Tensor:
        y = activation_named(self.phi)(z)
        return x + y if y is z or y.requires_grad else y.add_(x)  # one array less in the cache


@dataclass(frozen=True)
class EulerMaruyama:
    """`dx = 1/2 phi''(0) v(x) dt + phi'(0) (dW psi(x) + db)` by Euler and Maruyama: strong order 1/2, weak order 1.

    Peluchetti & Favaro 2020 (arXiv 2007.03253). Without `ito_drift` the first term is left out. A mean of the weights,
    `phi'(0) (mu psi(x) + mu_b) dt`, is in `z = dW psi(x) + db` already.
    """

    phi: str
    psi: str
    law: Law
    ito_drift: bool = True

    def features(self, x: Tensor) -> Tensor:
        return activation_named(self.psi)(x)

    def step(self, x: Tensor, features: Tensor, z: Tensor, h: float) -> Tensor:
        slope, curvature = activation_named(self.phi).taylor()
        x = x + slope * z
        if self.ito_drift and curvature:
            x = x + 0.5 * curvature * h * self.law.variance(features)
        return x
