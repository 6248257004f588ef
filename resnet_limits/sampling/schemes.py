"""The schemes of shallow blocks: the network `x + phi(W psi(x) + b)`, its SDE, and the SDE without its Ito drift."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ..networks.activations import activation_named
from .law import Law


@dataclass(frozen=True)
class Network:
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
