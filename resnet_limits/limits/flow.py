"""A network of given weights and the flow that it approaches: one field, one weight path, any depth.

x_{k+1} = x_k + h f(x_k, theta(t_k)),   h = T/L        against        dx/dt = f(x, theta(t)),   0 <= t <= T
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import jvp

from ..networks.activations import activation_named
from ..networks.parametrisation import ODE
from ..networks.states import as_states
from ..networks.steps import Step
from ..networks.vector_field import VectorField
from ..paths.path import WeightPath
from .ode import Velocity, solve, solve_with_error

FLOW_TOLERANCE = 1e-12
LEADING_TOLERANCE = 1e-10
"""What is left of an error of order 1 without its leading term is of order 2, and no smaller than 1e-6."""
KINKED_TOLERANCE = 1e-6
"""An adaptive solver searches for every kink of relu; order 1, all that is claimed there, needs no more."""


@dataclass(frozen=True)
class DrivenFlow:
    """Inputs `x0` (r, n, d), a field, a weight path of as many replicas, and the horizon."""

    x0: Float[Tensor, "r n d"]
    field: VectorField
    path: WeightPath
    horizon: float

    def step_size(self, depth: int) -> float:
        return ODE.block_factor(depth, self.horizon)

    def weights(self, step: Step, depth: int) -> dict[str, Tensor]:
        """The weight sets that a step reads, stacked over depth."""
        return self.path.at(step.times(depth, self.horizon))

    def velocity(self, t: Tensor, x: Tensor) -> Tensor:
        """`f(x, theta(t))`, for the solver of the limit."""
        return self.field(x, _at_one_time(self.path.at(t)))

    def leading_error(self) -> tuple[Float[Tensor, "r n d"], Float[Tensor, "r n d"], float]:
        """`x(T)`, `e(T)` and the larger error of the two: `x_L = x(T) + h e(T) + O(h^2)` for Euler blocks.

        e' = f_x e - 1/2 (f_t + f_x f),   e(0) = 0        (Gragg; Hairer, Norsett & Wanner 1993, section II.8)
        """

        def velocity(t: Tensor, state: Tensor) -> Tensor:
            x, e = state
            theta, rate = _at_one_time(self.path.at(t)), _at_one_time(self.path.rate(t))
            f = self.field(x, theta)
            # derivative of f along (theta'/2, f/2 - e): half the second derivative of x, less f_x e
            along = {name: values / 2 for name, values in rate.items()}
            change = jvp(self.field, (x, theta), (f / 2 - e, along))[1]
            return torch.stack([f, -change])

        start = torch.stack([self.x0, torch.zeros_like(self.x0)])
        solution, error = solve_with_error(velocity, start, self.horizon, tolerance=LEADING_TOLERANCE)
        return solution[0], solution[1], error

    def end(self) -> tuple[Float[Tensor, "r n d"], float]:
        """`x(T)` of the exact flow, by an adaptive solver, and its error."""
        return solve_with_error(self.velocity, self.x0, self.horizon, tolerance=self.tolerance)

    def map(self) -> FlowMap:
        """The exact flow of any points, along the same weights."""
        return FlowMap(
            self.velocity, self.field.width, len(self.x0), self.horizon, self.tolerance, self.x0.to(torch.float64)
        )

    @property
    def tolerance(self) -> float:
        """Of the solver."""
        return KINKED_TOLERANCE if activation_named(self.field.activation).kinks else FLOW_TOLERANCE


def _at_one_time(values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: of_one[:, 0] for name, of_one in values.items()}


def root_mean_square(x: Tensor) -> float:
    """`sqrt(mean x^2)` over all entries, in float64."""
    return float(x.double().square().mean().sqrt())


def rounding_of_states(dtype: str, depth: int, size: float) -> float:
    """Rounding of a network of this depth whose states have this size; it bounds what an error can resolve."""
    return 4 * float(torch.finfo(getattr(torch, dtype)).eps) * math.sqrt(depth) * size


@dataclass(frozen=True)
class FlowMap:
    """The flow of a velocity in float64, called on points: `flow(x0)`, (n, d) -> (r, n, d), is `x(T)`.

    `like` is a tensor of the kind of the states; `replicas` is 1 where all replicas have one limit.
    """

    velocity: Velocity
    width: int
    replicas: int
    horizon: float
    tolerance: float
    like: Tensor

    def __call__(self, x0: Any) -> Float[Tensor, "r n d"]:
        """`x(T)` of points (n, d), or of one (d,): a tensor, an array or lists."""
        return solve(self.velocity, self._start(x0), self.horizon, tolerance=self.tolerance)

    def at(self, x0: Any, times: Any) -> Float[Tensor, "times r n d"]:
        """`x(t)` at increasing times in [0, horizon], stacked in front."""
        moments = torch.as_tensor(times, dtype=torch.float64)
        return solve(self.velocity, self._start(x0), moments, tolerance=self.tolerance)

    def _start(self, x0: Any) -> Float[Tensor, "r n d"]:
        x = as_states(x0, self.width, self.like)
        return x.expand(self.replicas, *x.shape)
