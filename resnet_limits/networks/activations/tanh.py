"""`tanh z`: odd, bounded, `phi'(0) = 1`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .activation import Activation

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


class Tanh(Activation):
    """`tanh z`, `phi' = 1 - phi^2`, `phi'' = -2 phi phi'`."""

    name = "tanh"
    formula = "tanh z"
    kinks = ()
    value_at_0, slope_at_0, curvature_at_0 = 0.0, 1.0, 0.0
    steepest = 1.0
    bound = 1.0
    increasing = True
    centred = True
    of_value = True

    def __call__(self, z: Tensor) -> Tensor:
        import torch

        return torch.tanh(z)

    def slope(self, z: Tensor, a: Tensor) -> Tensor:
        return 1 - a * a

    def curvature(self, z: Tensor, a: Tensor) -> Tensor:
        return (a * a).sub_(1).mul_(a).mul_(2)

    def write(self, z: Tensor, out: Tensor) -> None:
        import torch

        torch.tanh(z, out=out)

    def pull_back(self, g: Tensor, kept: Tensor, out: Tensor) -> None:
        import torch

        torch.ops.aten.tanh_backward.grad_input(g, kept, grad_input=out)

    def in_numpy(self, z: np.ndarray) -> np.ndarray:
        import numpy as np

        return np.tanh(z)

    def derivatives_in_numpy(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        phi = self.in_numpy(z)
        slope = 1 - phi * phi
        return slope, -2 * phi * slope
