"""Activations `phi`, by the name a user gives; the names are those of `settings.ACTIVATIONS`."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from ..errors import SettingError, one_of

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "swish": functional.silu,  # z sigmoid(z)
    "relu": torch.relu,
    "gelu": functional.gelu,  # z Phi(z) with the exact error function, not its tanh approximation
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
