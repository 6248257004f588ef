"""`-log softmax(s) . y`; with one score and `y = +-1`: `log(1 + exp(-y s))`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .loss import PointwiseLoss

if TYPE_CHECKING:
    from torch import Tensor


class LogisticLoss(PointwiseLoss):
    """One score with targets +-1, or several with targets that sum to 1."""

    name = "logistic"
    targets = "classes"
    sums_to_one = True

    def value(self, s: Tensor, y: Tensor) -> Tensor:
        from torch.nn import functional

        if s.shape[-1] == 1:
            return functional.softplus(-y * s).sum(-1)
        return -(functional.log_softmax(s, dim=-1) * y).sum(-1)

    def gradient(self, s: Tensor, y: Tensor) -> Tensor:
        return -y * (-y * s).sigmoid() if s.shape[-1] == 1 else s.softmax(dim=-1) - y

    def hessian(self, s: Tensor, y: Tensor) -> Callable[[Tensor], Tensor]:
        if s.shape[-1] == 1:
            p = s.sigmoid()
            return lambda ds: p * (1 - p) * ds
        p = s.softmax(dim=-1)
        return lambda ds: p * (ds - (p * ds).sum(-1, keepdim=True))
