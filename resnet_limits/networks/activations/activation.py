"""What an activation is: an elementwise function `phi`, its derivatives, and what is known of it.

A new one is one file in this folder, named like it, with a class named like it in CamelCase:

    class Softsign(Activation):                   # `name = "..."`, if it is to be called otherwise
        formula = "z / (1 + |z|)"
        kinks = (0.0,)                            # where its second derivative jumps

        def __call__(self, z):
            return z / (1 + z.abs())

What it does not declare is refused in words where it is asked for (`phi'(0)`, the largest slope), or computed from
`__call__` by autograd (derivatives, forms in numpy, forms that write into memory of the caller): never guessed. Facts
are read without torch and numpy, which methods import when they run.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from ...errors import SettingError
from ...settings.case import snake_case
from ...settings.registry import Registry
from ...settings.trial import require_shape

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


class Activation(ABC):
    """`phi`, called as `phi(z)` on tensors of any shape; a value without state."""

    options: ClassVar[Registry] = Registry("activation", "networks.activations", base="activation", also=True)
    name: ClassVar[str]
    also: ClassVar[tuple[str, ...]] = ()
    """Further names that a command line takes for it; configurations and records hold `name`."""
    formula: ClassVar[str]
    """`phi(z)` in words of the field, for lists."""
    kinks: ClassVar[tuple[float, ...]]
    """Points where `phi` is not smooth: where a derivative of it jumps. Empty: theorems for smooth fields apply."""
    value_at_0: ClassVar[float | None] = None
    """`phi(0)`; None: not declared."""
    slope_at_0: ClassVar[float | None] = None
    """`phi'(0)`; None where there is none, or none is declared."""
    curvature_at_0: ClassVar[float | None] = None
    """`phi''(0)`, likewise."""
    steepest: ClassVar[float | None] = None
    """`sup |phi'|`, rounded up; None: no bound is declared."""
    bound: ClassVar[float | None] = None
    """`sup |phi|`; None: no bound is declared."""
    increasing: ClassVar[bool | None] = None
    """Whether `phi' >= 0` everywhere; None: not declared."""
    centred: ClassVar[bool | None] = None
    """Whether `E phi(z) = 0` for every centred normal z, as of odd functions; None: not declared."""
    linear: ClassVar[bool] = False
    """Whether `phi(z) = c z`."""
    arc_cosine: ClassVar[bool] = False
    """Whether `phi(z) = max(z, 0)`, whose Gaussian products are the kernels of Cho & Saul 2009 in closed form."""
    of_value: ClassVar[bool] = False
    """Whether `pull_back` wants `phi(z)` in place of `z`: `tanh' = 1 - tanh^2`."""

    def __init_subclass__(cls) -> None:
        cls.name = vars(cls).get("name", snake_case(cls.__name__))
        missing = [fact for fact in ("formula", "kinks") if getattr(cls, fact, None) is None]
        if missing:
            raise SettingError(
                f"activation {cls.__name__}: declare {', '.join(missing)}; kinks are the points where a"
                " derivative of phi jumps, () if it is smooth"
            )

    @classmethod
    def of(cls, keys: Mapping[str, Any]) -> Activation:
        """The activation, whatever the keys: it has none."""
        return cls()

    @abstractmethod
    def __call__(self, z: Tensor) -> Tensor:
        """`phi(z)`; it can be differentiated."""

    def tried(self) -> None:
        """Raise `SettingError` where the value or the derivatives at some points are no tensors of their shape."""
        import torch

        z = torch.linspace(-2, 2, 24, dtype=torch.float64).reshape(2, 3, 4)
        value = self(z)
        require_shape("phi(z)", value, (2, 3, 4), "that of z")
        require_shape("slope(z, phi(z))", self.slope(z, value), (2, 3, 4), "that of z")

    # -- facts, asked for in words ---------------------------------------------------------------

    def taylor(self) -> tuple[float, float]:
        """`phi'(0), phi''(0)`: what the limit in depth keeps of an outer activation. Raises `SettingError`."""
        if (reason := self.without_limit()) is not None or self.slope_at_0 is None or self.curvature_at_0 is None:
            raise SettingError(
                f"activation={self.name}: {reason}, and x + phi(W x + b) no limit in depth; choose one that is"
                " smooth, such as tanh or swish (or a finite depth: the recursion at infinite width takes any)"
            )
        return self.slope_at_0, self.curvature_at_0

    def without_limit(self) -> str | None:
        """Why `x + phi(W x + b)`, weights of size `sqrt h`, is known to have no limit, or not known to have one."""
        if self.kinks:
            return f"it has no phi'({', '.join(f'{z:g}' for z in self.kinks)})"
        if self.value_at_0 != 0:
            return f"it has phi(0) = {self.value_at_0:g}" if self.value_at_0 is not None else "it declares no phi(0)"
        if self.slope_at_0 is None or self.curvature_at_0 is None:
            return "it declares no phi'(0) and phi''(0)"
        return None

    def without_bound(self) -> str | None:
        """Why fields with this activation are not known to be Lipschitz, or None."""
        return f"activation={self.name}: no bound of its derivative is declared" if self.steepest is None else None

    def largest_slope(self) -> float:
        """`sup |phi'|`. Raises `SettingError` where no bound is declared."""
        if self.steepest is None:
            raise SettingError(f"{self.without_bound()}, so its field is not known to be Lipschitz")
        return self.steepest

    # -- derivatives -----------------------------------------------------------------------------

    def with_slope(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """`phi(z)` and `phi'(z)`, by autograd."""
        import torch

        with torch.enable_grad():
            z = z.detach().requires_grad_()
            value = self(z)
            (slope,) = torch.autograd.grad(value.sum(), z)
        return value.detach(), slope

    def slope(self, z: Tensor, a: Tensor) -> Tensor:
        """`phi'(z)`, given the value `a = phi(z)` too; it can be differentiated. By autograd unless overridden."""
        import torch

        with torch.enable_grad():
            at = z if z.requires_grad else z.detach().requires_grad_()
            value = self(at)
            if not value.requires_grad:  # constant
                return torch.zeros_like(z)
            (slope,) = torch.autograd.grad(value.sum(), at, create_graph=z.requires_grad)
        return slope

    def curvature(self, z: Tensor, a: Tensor) -> Tensor:
        """`phi''(z)`, given the value `a = phi(z)` too; 0 at kinks. By autograd unless overridden."""
        import torch

        with torch.enable_grad():
            at = z if z.requires_grad else z.detach().requires_grad_()
            slope = self.slope(at, a)
            if not slope.requires_grad:  # piecewise linear
                return torch.zeros_like(z)
            (curvature,) = torch.autograd.grad(
                slope.sum(), at, create_graph=z.requires_grad, allow_unused=True, materialize_grads=True
            )
        return curvature

    # -- for the engine: into memory of the caller -----------------------------------------------

    def write(self, z: Tensor, out: Tensor) -> None:
        """`phi(z)` into `out`, which may be `z`."""
        out.copy_(self(z))

    def pull_back(self, g: Tensor, kept: Tensor, out: Tensor) -> None:
        """`phi'(z) g` into `out`, which may be `g` or `kept`; `kept` is `phi(z)` if `of_value`, else `z`."""
        import torch

        with torch.enable_grad():
            z = kept.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(self(z), z, g)
        out.copy_(gradient)

    # -- in numpy, for derivatives of networks by hand, where torch's overhead a call would be most of the time -------

    def in_numpy(self, z: np.ndarray) -> np.ndarray:
        """`phi(z)`."""
        import torch

        return self(torch.from_numpy(z)).numpy()

    def derivatives_in_numpy(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`phi'(z), phi''(z)`, 0 where there is none."""
        import torch

        at = torch.from_numpy(z)
        value = self(at)
        return self.slope(at, value).numpy(), self.curvature(at, value).numpy()
