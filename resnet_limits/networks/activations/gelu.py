"""`z Phi(z)` with the exact distribution function of a standard normal, not its approximation by a tanh."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .activation import Activation

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


class Gelu(Activation):
    """`z Phi(z)`; `phi' = Phi + z p`, `phi'' = p (2 - z^2)`, `p` the density of a standard normal.

    The value is made of erf and basic operations, for the reason given at `Swish`.
    """

    name = "gelu"
    formula = "z Phi(z)"
    kinks = ()
    value_at_0, slope_at_0, curvature_at_0 = 0.0, 0.5, math.sqrt(2 / math.pi)  # twice the density at 0
    steepest = 1.1289041452  # at z = sqrt 2
    increasing = False
    centred = False

    def __call__(self, z: Tensor) -> Tensor:
        import torch

        return z * torch.erf(z * math.sqrt(0.5)).add_(1).mul_(0.5)

    def slope(self, z: Tensor, a: Tensor) -> Tensor:
        import torch

        return torch.special.ndtr(z) + z * self._density(z)

    def curvature(self, z: Tensor, a: Tensor) -> Tensor:
        return self._density(z) * (2 - z.square())

    def write(self, z: Tensor, out: Tensor) -> None:
        import torch

        torch.ops.aten.gelu.out(z, out=out)

    def pull_back(self, g: Tensor, kept: Tensor, out: Tensor) -> None:
        import torch

        torch.ops.aten.gelu_backward.grad_input(g, kept, grad_input=out)

    def in_numpy(self, z: np.ndarray) -> np.ndarray:
        return z * self._normal(z)

    def derivatives_in_numpy(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        import numpy as np

        density = np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
        return self._normal(z) + z * density, density * (2 - z * z)

    def _density(self, z: Tensor) -> Tensor:
        import torch

        return torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi)

    def _normal(self, z: np.ndarray) -> np.ndarray:
        import numpy as np
        from scipy.special import erf

        return np.asarray((1 + erf(z / math.sqrt(2))) / 2)
