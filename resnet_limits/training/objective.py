"""What is minimised: a function of a float64 vector with its gradient and the products of its Hessian with vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import RequestError


class Descended(Protocol):
    """A function of a float64 vector with its gradient."""

    def value_and_gradient(self, u: Float[np.ndarray, " n"]) -> tuple[float, Float[np.ndarray, " n"]]:
        """`J(u)` and `dJ/du`."""
        ...


@runtime_checkable
class Objective(Descended, Protocol):
    """A function of a float64 vector with its gradient and the products of its Hessian with vectors."""

    def hessian(self, u: Float[np.ndarray, " n"]) -> Callable[[Float[np.ndarray, " n"]], Float[np.ndarray, " n"]]:
        """`v -> J''(u) v`."""
        ...


class Differentiated:
    """An objective from a function that torch can differentiate twice: `value(u)` a scalar of a float64 vector (n,)."""

    def __init__(self, value: Callable[[Tensor], Tensor]) -> None:
        self._value = value

    def value_and_gradient(self, u: Float[np.ndarray, " n"]) -> tuple[float, Float[np.ndarray, " n"]]:
        point = torch.from_numpy(np.array(u, dtype=np.float64)).requires_grad_()
        value = self._value(point)
        if not isinstance(value, Tensor) or value.numel() != 1 or not value.requires_grad:
            got = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) and value.numel() != 1 else repr(value)
            raise RequestError(f"minimise: the function must return a scalar that torch can differentiate, got {got}")
        (gradient,) = torch.autograd.grad(value, point)
        return float(value.detach()), gradient.numpy()

    def hessian(self, u: Float[np.ndarray, " n"]) -> Callable[[Float[np.ndarray, " n"]], Float[np.ndarray, " n"]]:
        point = torch.from_numpy(np.array(u, dtype=np.float64)).requires_grad_()
        (gradient,) = torch.autograd.grad(self._value(point), point, create_graph=True)

        def product(v: np.ndarray) -> np.ndarray:
            if gradient.grad_fn is None:  # a linear function
                return np.zeros_like(v)
            direction = torch.from_numpy(np.ascontiguousarray(v))
            (product,) = torch.autograd.grad(gradient, point, direction, retain_graph=True, materialize_grads=True)
            return product.numpy()

        return product
