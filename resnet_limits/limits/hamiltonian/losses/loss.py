"""What a loss of scores is: its value, two derivatives, and what it asks of the targets.

A new one is one file in this folder, named like it, with a class that ends in `Loss`:

    class HuberLoss(PointwiseLoss):
        targets = "any"

        def value(self, s, y):                    # scores and targets (n, outputs), one value a point
            return (1 + (s - y).square()).sqrt().sum(-1) - 1

Derivatives that it does not bring are taken by autograd. Its fields are keys of the study, by their names
(`insensitive`). Free of torch, which methods import when they run.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ....settings.build import of_keys
from ....settings.case import snake_case
from ....settings.registry import Registry
from ....settings.trial import require_shape

if TYPE_CHECKING:
    from torch import Tensor


class PointwiseLoss(ABC):
    """`l(s, y)` of scores and targets (n, outputs), one value a point."""

    options: ClassVar[Registry] = Registry("loss", "limits.hamiltonian.losses", base="loss", noun="Loss")
    name: ClassVar[str]
    targets: ClassVar[Literal["any", "classes", "two classes"] | None] = None
    """What it is for: any targets, those of classes, or +-1; None: not declared, and refused."""
    sums_to_one: ClassVar[bool] = False
    """Whether the targets of several classes are 1 for their own, and not less their mean."""
    has_margin: ClassVar[bool] = False
    """Whether points that are well fitted have no gradient, and a continuous one elsewhere."""
    of_kernel_regression: ClassVar[bool] = False
    """Whether kernel ridge regression has this loss."""

    def __init_subclass__(cls) -> None:
        cls.name = vars(cls).get("name", snake_case(cls.__name__))

    @classmethod
    def of(cls, keys: Mapping[str, Any]) -> PointwiseLoss:
        """The loss whose fields are the keys of these names."""
        return of_keys(cls, keys)

    @abstractmethod
    def value(self, s: Tensor, y: Tensor) -> Tensor:
        """(n,)"""

    def gradient(self, s: Tensor, y: Tensor) -> Tensor:
        """`dl/ds`, (n, outputs); by autograd unless overridden."""
        import torch

        return torch.func.grad(lambda s: self.value(s, y).sum())(s)

    def hessian(self, s: Tensor, y: Tensor) -> Callable[[Tensor], Tensor]:
        """`ds -> l'' ds`, (*b, n, outputs); by autograd unless overridden."""
        import torch

        def product(ds: Tensor) -> Tensor:
            along = torch.func.vmap(lambda one: torch.func.jvp(lambda s: self.gradient(s, y), (s,), (one,))[1])
            return along(ds.reshape(-1, *s.shape)).reshape(ds.shape)

        return product

    def tried(self) -> None:
        """Raise `SettingError` where value or derivatives at some scores are not one a point."""
        import torch

        s = torch.linspace(-2, 2, 5, dtype=torch.float64)[:, None]
        y = torch.tensor([1.0, -1.0, 1.0, -1.0, 1.0], dtype=torch.float64)[:, None]
        require_shape("value(s, y)", self.value(s, y), (5,), "one value a point")
        require_shape("gradient(s, y)", self.gradient(s, y), (5, 1), "that of the scores")
        require_shape("hessian(s, y)(s)", self.hessian(s, y)(s), (5, 1), "that of the scores")
