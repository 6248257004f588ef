"""`z sigmoid(z)`, also called SiLU: `phi'(0) = phi''(0) = 1/2`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .activation import Activation

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


class Swish(Activation):
    """`z s`, `s = sigmoid(z)`; `phi' = s + phi (1 - s)`, `phi'' = s (1 - s) (2 + z (1 - 2 s))`.

    The value is made of basic operations and exp: torch's own rounds an entry by its place in memory. In training,
    where no promise about places is given, the engine takes torch's own, which is faster.
    """

    name = "swish"
    also = ("silu",)
    formula = "z sigmoid(z)"
    kinks = ()
    value_at_0, slope_at_0, curvature_at_0 = 0.0, 0.5, 0.5
    steepest = 1.0998393202  # at z = 2.3994
    increasing = False
    centred = False

    def __call__(self, z: Tensor) -> Tensor:
        import torch

        # Beyond the cut, where swish is nothing, exp would overflow, and derivatives would be inf - inf.
        exponential = z.clamp(min=-0.98 * math.log(torch.finfo(z.dtype).max)).neg_().exp_()
        if z.requires_grad:
            return z * (1 + exponential).reciprocal()
        return exponential.add_(1).reciprocal_().mul_(z)  # the same bits, in one array

    def slope(self, z: Tensor, a: Tensor) -> Tensor:
        s = z.sigmoid()
        return s + a * (1 - s)

    def curvature(self, z: Tensor, a: Tensor) -> Tensor:
        s = z.sigmoid()
        return s * (1 - s) * (2 + z * (1 - 2 * s))

    def write(self, z: Tensor, out: Tensor) -> None:
        import torch

        torch.ops.aten.silu.out(z, out=out)

    def pull_back(self, g: Tensor, kept: Tensor, out: Tensor) -> None:
        import torch

        torch.ops.aten.silu_backward.grad_input(g, kept, grad_input=out)

    def in_numpy(self, z: np.ndarray) -> np.ndarray:
        import numpy as np
        from scipy.special import expit

        return np.asarray(z * expit(z))

    def derivatives_in_numpy(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        from scipy.special import expit

        s = expit(z)
        ds = s * (1 - s)
        return s + z * ds, ds * (2 + z * (1 - 2 * s))
