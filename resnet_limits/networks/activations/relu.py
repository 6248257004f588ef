"""`max(z, 0)`: no derivative at 0, where 0 is taken for it, as in torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .activation import Activation

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


class Relu(Activation):
    """`max(z, 0)`; its Gaussian products are known in closed form."""

    name = "relu"
    formula = "max(z, 0)"
    kinks = (0.0,)
    value_at_0 = 0.0
    steepest = 1.0
    increasing = True
    centred = False
    arc_cosine = True
    of_value = True

    def __call__(self, z: Tensor) -> Tensor:
        import torch

        return torch.relu(z)

    def slope(self, z: Tensor, a: Tensor) -> Tensor:
        return (z > 0).to(z)

    def curvature(self, z: Tensor, a: Tensor) -> Tensor:
        import torch

        return torch.zeros_like(z)

    def write(self, z: Tensor, out: Tensor) -> None:
        import torch

        torch.clamp_min(z, 0, out=out)

    def pull_back(self, g: Tensor, kept: Tensor, out: Tensor) -> None:
        import torch

        torch.ops.aten.threshold_backward.grad_input(g, kept, 0, grad_input=out)

    def in_numpy(self, z: np.ndarray) -> np.ndarray:
        import numpy as np

        return np.maximum(z, 0.0)

    def derivatives_in_numpy(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        import numpy as np

        return (z > 0).astype(z.dtype), np.zeros_like(z)
