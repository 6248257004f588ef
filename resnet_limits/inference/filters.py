"""Linear regressions as filters of a spectrum: predictions are `K_* U g(mu) U^T y` with `K = U mu U^T`.

    ridge (NNGP posterior mean)      g(mu) = 1/(mu + noise variance)
    gradient flow at time t (NTK)    g(mu) = (1 - e^{-t mu})/mu
    gradient descent, s steps        g(mu) = (1 - (1 - eta mu)^s)/mu

The flow and the descent are those of `1/2 sum |f(x_i) - y_i|^2` from f = 0; both end at the pseudo-inverse. The same
filters act in feature space, `F_* U g(mu) U^T F^T y` with `F^T F = U mu U^T`: non-zero eigenvalues are equal. Lee et
al. 2019 (arXiv 1902.06720).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ..errors import SettingError, Undetermined

Filter = Callable[[Tensor], Tensor]
"""`g`: from all eigenvalues (r,), float64, to their factors (r,)."""


def check_ridge(ridge: float) -> None:
    """Raises `SettingError` for a noise variance that is none."""
    if not 0 <= ridge < math.inf:
        raise SettingError(f"ridge: got {ridge:g}; a noise variance must be finite, and 0 or larger")


MAX_ERROR_OF_COEFFICIENTS = {torch.float64: 1e-3, torch.float32: 0.1}
"""Relative error that rounding may make of coefficients; single precision serves accuracies alone."""


def singular(what: str, scale: float) -> Undetermined:
    """The error of a system that has no solution without a ridge; `scale` is the size of its diagonal."""
    return Undetermined(f"the kernel matrix is singular to rounding ({what}); set a ridge, e.g. {1e-6 * scale:.1g}")


def ill_conditioned(what: str, error: float, scale: float) -> Undetermined:
    """The error of a system whose solution rounding moves by a fraction `error`."""
    return Undetermined(
        f"the kernel matrix is so ill-conditioned ({what}) that rounding may move the solution by {100 * error:.2g} %;"
        f" set a larger ridge, e.g. {1e-6 * scale:.1g}"
    )


def error_of_filter(
    g: Filter, mu: Tensor, shift: float | Tensor, projected: Tensor, off: float | Tensor = 0.0
) -> float:
    """How far `g(mu) projected` moves, relative to its size, where eigenvalues are off by `shift`, and what is
    projected by `off`.

    0 of the pseudo-inverse: what it takes for zero is its own rule.
    """
    if g is pseudo_inverse or not len(mu):
        return 0.0
    size = projected.norm(dim=1)
    now = g(mu) * size
    moved = (g(mu + shift) * size - now).norm() + (g(mu) * off).norm()
    return float((moved / now.norm()).nan_to_num())


def cut(mu: Tensor) -> float:
    """Eigenvalues up to this are zero to rounding."""
    return len(mu) * torch.finfo(mu.dtype).eps * float(mu.max()) if len(mu) else 0.0


def ridge(noise: float) -> Filter:
    """`1/(mu + noise)`; `noise = 0`: the pseudo-inverse. Raises `SettingError` for a negative noise variance."""
    check_ridge(noise)
    return pseudo_inverse if noise == 0 else lambda mu: 1 / (mu + noise)


def pseudo_inverse(mu: Tensor) -> Tensor:
    """`1/mu`, 0 where mu is zero to rounding: gradient flow at infinite time."""
    zero = mu <= cut(mu)
    return torch.where(zero, 0.0, 1 / mu.where(~zero, torch.ones_like(mu)))


def gradient_flow(time: float) -> Filter:
    """`(1 - e^{-t mu})/mu`, t at mu = 0; `time` may be inf. Raises `SettingError` for a negative time."""
    if not time >= 0:
        raise SettingError(f"time of gradient flow: got {time:g}; it must be 0 or larger")
    if math.isinf(time):
        return pseudo_inverse
    return lambda mu: torch.where(mu > 0, -torch.expm1(-time * mu) / mu.where(mu > 0, torch.ones_like(mu)), time)


def gradient_descent(steps: int, rate: float) -> Filter:
    """`(1 - (1 - eta mu)^s)/mu`, `s eta` at mu = 0: s steps of learning rate eta.

    Called, it raises `SettingError` where `eta mu` exceeds 2 for the largest eigenvalue: descent diverges.
    """

    def factors(mu: Tensor) -> Tensor:
        largest = float(mu.max()) if len(mu) else 0.0
        if rate * largest > 2:
            raise SettingError(
                f"learning rate: gradient descent diverges at {rate:g}; the largest eigenvalue of the kernel matrix is"
                f" {largest:g}, choose at most {2 / largest:.3g}"
            )
        x = rate * mu
        small = x < 0.5
        # Where x is small by logarithms, since 1 - (1 - x)^s would keep no digits of s x.
        gone = torch.where(small, -torch.expm1(steps * torch.log1p(-x.where(small, torch.zeros_like(x)))), 0.0)
        gone = torch.where(small, gone, 1 - (1 - x) ** steps)
        return torch.where(mu > 0, gone / mu.where(mu > 0, torch.ones_like(mu)), steps * rate)

    return factors
