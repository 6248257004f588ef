"""Vector fields with exact solutions: what networks and limits are compared with.

Each problem is `x' = f(x, theta(t))`, `x(0) = x_0`, with the field, the weights as a function of time, and the
solution at any time. Formulas: Hairer, Norsett & Wanner, Solving Ordinary Differential Equations I, sections I.3
(linear equations) and I.2 (Bernoulli's equation).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from resnet_limits.networks.blocks import field as block_field
from resnet_limits.networks.blocks.one import OneBlock


@dataclass(frozen=True)
class Problem:
    """`weights_at(times)` gives each parameter as `(r, times, *shape)`; `solution(t)` is `x(t)`, `(r, n, d)`."""

    name: str
    field: Callable[[Tensor, Mapping[str, Tensor]], Tensor]
    weights_at: Callable[[Tensor], dict[str, Tensor]]
    x0: Tensor
    solution: Callable[[float], Tensor]

    def velocity(self, t: Tensor, x: Tensor) -> Tensor:
        return self.field(x, {name: w[:, 0] for name, w in self.weights_at(t[None]).items()})


def _matrix(replicas: int, width: int) -> Tensor:
    stream = torch.Generator().manual_seed(3)
    return torch.randn(replicas, width, width, generator=stream, dtype=torch.float64) / width**0.5


def _points(replicas: int, n: int, width: int) -> Tensor:
    return torch.randn(replicas, n, width, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


def _flow(matrix: Tensor, x0: Tensor) -> Tensor:
    return x0 @ torch.linalg.matrix_exp(matrix).mT


def linear(replicas: int = 3, n: int = 4, width: int = 5) -> Problem:
    """`x' = A x`, another `A` for each replica: `x(t) = exp(tA) x_0`. The block `one` with identity and no bias."""
    a, x0 = _matrix(replicas, width), _points(replicas, n, width)

    def weights_at(times: Tensor) -> dict[str, Tensor]:
        return {
            "W": a[:, None].expand(-1, len(times), -1, -1),
            "b": torch.zeros(replicas, len(times), width, dtype=torch.float64),
        }

    return Problem("linear", block_field(OneBlock(), "identity", width), weights_at, x0, lambda t: _flow(t * a, x0))


def modulated(replicas: int = 2, n: int = 3, width: int = 4) -> Problem:
    """`x' = m(t) A x`, `m(t) = 1 + 2 cos(3 t)`: the matrices commute, `x(t) = exp((t + 2/3 sin(3 t)) A) x_0`.

    Its weights move in time: a scheme that reads them at the wrong times loses its order.
    """
    a, x0 = _matrix(replicas, width), _points(replicas, n, width)

    def weights_at(times: Tensor) -> dict[str, Tensor]:
        m = 1 + 2 * torch.cos(3 * times)
        return {
            "W": m[None, :, None, None] * a[:, None],
            "b": torch.zeros(replicas, len(times), width, dtype=torch.float64),
        }

    def solution(t: float) -> Tensor:
        return _flow((t + 2 / 3 * math.sin(3 * t)) * a, x0)

    return Problem("modulated", block_field(OneBlock(), "identity", width), weights_at, x0, solution)


def rotation(frequency: float = 2.0) -> Problem:
    """`x' = w J x`: `x(t) = (cos(w t) + sin(w t) J) x_0`, which keeps `|x|`."""
    j = torch.tensor([[0.0, -1.0], [1.0, 0.0]], dtype=torch.float64)
    x0 = torch.tensor([[[1.0, 0.0], [0.5, -2.0]]], dtype=torch.float64)

    def weights_at(times: Tensor) -> dict[str, Tensor]:
        w = (frequency * j).expand(1, len(times), 2, 2)
        return {"W": w, "b": torch.zeros(1, len(times), 2, dtype=torch.float64)}

    def solution(t: float) -> Tensor:
        return math.cos(frequency * t) * x0 + math.sin(frequency * t) * x0 @ j.T

    return Problem("rotation", block_field(OneBlock(), "identity", 2), weights_at, x0, solution)


def logistic() -> Problem:
    """`x' = r(t) x (1 - x)`, `r(t) = exp(t)`: `x(t) = 1 / (1 + (1/x_0 - 1) exp(1 - exp(t)))`; not linear."""
    # r must not be affine in t: the midpoint would integrate it exactly, and frozen weights would cost no order.
    x0 = torch.tensor([[[0.1], [0.6], [1.7]]], dtype=torch.float64)

    def field(x: Tensor, theta: Mapping[str, Tensor]) -> Tensor:
        return theta["r"][:, :, None] * x * (1 - x)

    def weights_at(times: Tensor) -> dict[str, Tensor]:
        return {"r": times.exp()[None, :, None]}

    def solution(t: float) -> Tensor:
        return 1 / (1 + (1 / x0 - 1) * math.exp(1 - math.exp(t)))

    return Problem("logistic", field, weights_at, x0, solution)


PROBLEMS = (linear(), modulated(), rotation(), logistic())
