"""Control variates: a quantity of known mean, measured on the same noise, takes noise away from an estimate."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from ...measurement.estimate import mean

MAX_DEVIATION_OF_CONTROL = 5.0
"""Standard errors from its known mean at which a control is no longer believed."""


def bias_of_depth(at: float, at_half: float, limit: float, depth: int) -> float:
    """Error of order 1 of a deterministic value at this depth, by the value at half of it, `half(depth)`.

    Not its distance to the limit: that would put a wrong limit into the interval. (Of depth 1 there is no half.)
    """
    return abs(at - at_half) / (depth / half(depth) - 1) if depth > 1 else abs(at - limit)


def half(depth: int) -> int:
    """Half of a depth, rounded upwards."""
    return (depth + 1) // 2


def differenced(values: Float[Tensor, " r"], control: Float[Tensor, " r"], known: float) -> Float[Tensor, " r"]:
    """`values - control + known`.

    A control whose own mean is not the known one would hide a fault that it shares with the values (of the noise, of a
    covariance): then the values are returned as they are.
    """
    value, stderr = mean(control)
    return values - control + known if abs(value - known) <= MAX_DEVIATION_OF_CONTROL * stderr else values


def regressed(values: Float[Tensor, " r"], control: Float[Tensor, " r"], known: float) -> Float[Tensor, " r"]:
    """`values - c (control - known)` with the coefficient of least variance; estimated, it brings a bias of order
    1/r."""
    value, stderr = mean(control)
    off = control - control.mean()
    variance = float(off.square().sum())
    if variance == 0 or abs(value - known) > MAX_DEVIATION_OF_CONTROL * stderr:
        return values
    return values - float((values * off).sum()) / variance * (control - known)
