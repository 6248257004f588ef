"""`dx/dt = f(x, theta(t))`, `x(0) = x_0`, by an adaptive solver at tight tolerance, with its error.

Source of the solver: Chen, torchdiffeq (dopri8: Prince & Dormand 1981).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torchdiffeq import odeint

from ..errors import MeasurementError

Velocity = Callable[[Tensor, Tensor], Tensor]
"""`(t, x) -> dx/dt`: a float64 scalar tensor and a state of any shape."""

ROUNDING_OF_SOLUTION = 100 * torch.finfo(torch.float64).eps
"""Rounding of a solution relative to its size: the part of its error that a tolerance does not see."""


def solve(
    velocity: Velocity,
    x0: Float[Tensor, "*state"],
    times: float | Float[Tensor, " n"],
    *,
    tolerance: float = 1e-12,
    halved: bool = False,
) -> Tensor:
    """`x(T)`, of the shape of `x_0`, for a horizon T; or `x(t_1), ..., x(t_n)`, stacked in front, for times.

    `x_0` is the state at time 0, float64; times increase, the first may be 0. `tolerance` is both the relative and
    the absolute one, of the largest error over all entries in a step; `halved` steps between the times as well. Raises
    `ValueError` for other times or dtypes, `MeasurementError` where the solver fails (the solution explodes).
    """
    at = torch.as_tensor(times, dtype=torch.float64, device=x0.device)
    if at.ndim == 0:
        return integrate(velocity, x0, torch.stack([torch.zeros_like(at), at]), tolerance, halved)[-1]
    starts_at_zero = at.numel() > 0 and at[0] == 0
    grid = at if starts_at_zero else torch.cat([at.new_zeros(1), at])
    solution = integrate(velocity, x0, grid, tolerance, halved)
    return solution if starts_at_zero else solution[1:]


def solve_with_error(
    velocity: Velocity, x0: Float[Tensor, "*state"], times: float | Float[Tensor, " n"], *, tolerance: float = 1e-12
) -> tuple[Tensor, float]:
    """The solution and an estimate from above of its error, the largest over entries and times.

    The distance to a solution that is worse in any case, at ten times the tolerance and, since the times themselves may
    dictate the steps, with steps twice as long; plus rounding. That distance is the error of the worse solution, which
    bounds that of the better one: tests/limits compares both with exact solutions.
    """
    solution = solve(velocity, x0, times, tolerance=tolerance, halved=True)
    worse = solve(velocity, x0, times, tolerance=10 * tolerance)
    return solution, distance_of_solutions(solution, worse)


def distance_of_solutions(solution: Tensor, worse: Tensor) -> float:
    """`max |solution - worse|` plus the rounding of a solution of this size."""
    return float((solution - worse).abs().max() + ROUNDING_OF_SOLUTION * solution.abs().max())


def largest_entry(state: Tensor | tuple[Tensor, ...]) -> Tensor:
    """Largest absolute entry: an error norm in which no replica hides behind the average of the others."""
    tensors = state if isinstance(state, tuple) else (state,)
    return torch.stack([s.abs().max() for s in tensors]).max()


def integrate(
    velocity: Callable[[Tensor, Any], Any], start: Any, grid: Float[Tensor, " n"], tolerance: float, halved: bool
) -> Any:
    """States at the times of the grid, the first being the start's; the start may be a tuple of tensors.

    The solver lands on each time instead of interpolating: otherwise its interpolation, of lower order, sets the
    error at the end point (7e-11 in place of 1e-14). `halved` lands on the midpoints of the grid as well.
    """
    states = start if isinstance(start, tuple) else (start,)
    if any(s.dtype != torch.float64 for s in states):
        raise ValueError(f"the reference is solved in float64, got {', '.join(str(s.dtype) for s in states)}")
    steps = grid.diff()
    if grid.ndim != 1 or not (bool((steps > 0).all()) or bool((steps < 0).all())):
        raise ValueError(f"times must increase, the first at or after 0; got {grid.tolist()}")
    kept: list[Any] = [start]
    for interval in grid.unfold(0, 2, 1) if len(grid) > 1 else ():
        state = kept[-1]
        landings = torch.stack([interval[0], interval.mean(), interval[1]]) if halved else interval
        for piece in landings.unfold(0, 2, 1):
            state = _land(velocity, state, piece, tolerance)
        kept.append(state)
    return tuple(torch.stack(s) for s in zip(*kept, strict=True)) if isinstance(start, tuple) else torch.stack(kept)


def _land(velocity: Callable[[Tensor, Any], Any], state: Any, interval: Float[Tensor, 2], tolerance: float) -> Any:
    """The state at the end of the interval.

    One call for each interval: given all the times as `step_t`, torchdiffeq 0.2.5 passes by every later one once a
    step ends on one of them by itself, and then interpolates and reads the field beyond the last time. It tries the
    whole interval as first step, since its own choice of a first step reads the field at a time that may lie beyond.
    """
    length = (interval[1] - interval[0]).abs()
    options = {"step_t": interval[1:], "first_step": length, "norm": largest_entry}
    try:
        with torch.no_grad():
            both: Any = odeint(
                velocity, state, interval, rtol=tolerance, atol=tolerance, method="dopri8", options=options
            )
    except AssertionError as failure:  # torchdiffeq asserts that steps and states stay finite
        raise MeasurementError(
            f"no solution from t = {float(interval[0]):g} to {float(interval[1]):g} at tolerance {tolerance:g}:"
            f" {str(failure).splitlines()[0]}"
        ) from None
    end = tuple(s[-1] for s in both) if isinstance(state, tuple) else both[-1]
    if not torch.isfinite(largest_entry(end)):
        raise MeasurementError(f"the solution is not finite at t = {float(interval[1]):g}")
    return end
