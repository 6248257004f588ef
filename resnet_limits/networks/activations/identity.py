"""`z`: no activation at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .activation import Activation

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


class Identity(Activation):
    """`z`."""

    name = "identity"
    formula = "z"
    kinks = ()
    value_at_0, slope_at_0, curvature_at_0 = 0.0, 1.0, 0.0
    steepest = 1.0
    increasing = True
    centred = True
    linear = True
    of_value = True

    def __call__(self, z: Tensor) -> Tensor:
        return z

    def slope(self, z: Tensor, a: Tensor) -> Tensor:
        import torch

        return torch.ones_like(z)

    def curvature(self, z: Tensor, a: Tensor) -> Tensor:
        import torch

        return torch.zeros_like(z)

    def write(self, z: Tensor, out: Tensor) -> None:
        if out is not z:
            out.copy_(z)

    def pull_back(self, g: Tensor, kept: Tensor, out: Tensor) -> None:
        out.copy_(g)

    def in_numpy(self, z: np.ndarray) -> np.ndarray:
        return z

    def derivatives_in_numpy(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        import numpy as np

        return np.ones_like(z), np.zeros_like(z)
