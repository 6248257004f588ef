"""Activations `phi`, by the name a user gives; the names are those of `settings.ACTIVATIONS`."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ..errors import SettingError, one_of


def swish(z: Tensor) -> Tensor:
    """`z sigmoid(z)`. Of basic operations and exp: torch's own rounds an entry by its place in memory."""
    # Beyond the cut, where swish is nothing, exp would overflow, and derivatives would be inf - inf.
    exponential = z.clamp(min=-0.98 * math.log(torch.finfo(z.dtype).max)).neg_().exp_()
    if z.requires_grad:
        return z * (1 + exponential).reciprocal()
    return exponential.add_(1).reciprocal_().mul_(z)  # the same bits, in one array


def gelu(z: Tensor) -> Tensor:
    """`z Phi(z)` with the exact error function, not its tanh approximation; as `swish`."""
    return z * torch.erf(z * math.sqrt(0.5)).add_(1).mul_(0.5)


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "swish": swish,
    "relu": torch.relu,
    "gelu": gelu,
    "identity": lambda z: z,
}


def activation(name: str) -> Callable[[Tensor], Tensor]:
    """The function `phi` of this name, elementwise. Raises `SettingError` with the valid names."""
    if name not in ACTIVATIONS:
        raise SettingError(f"activation: unknown value {one_of(name, ACTIVATIONS)}")
    return ACTIVATIONS[name]


def with_slope(name: str, z: Tensor) -> tuple[Tensor, Tensor]:
    """`phi(z)` and `phi'(z)`."""
    with torch.enable_grad():
        z = z.detach().requires_grad_()
        value = activation(name)(z)
        (slope,) = torch.autograd.grad(value.sum(), z)
    return value.detach(), slope
