"""Whether errors are small enough for their order to mean something. Free of torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...networks.activations import activation_named
from .outside import sizes
from .settings import Sde

MAX_RELATIVE_ERROR_OF_ORDER = 0.1
"""Largest relative error at the deepest depth from which an order is read."""
MAX_STEP_OF_ORDER = 0.1
"""Largest step there: the variance `h v` of pre-activations, times `phi'(0)^2 sigma_w^2`, the rate at which errors of
earlier layers grow, where that is above 1."""
MAX_LOG_VARIANCE_OF_MEAN = 2.0
"""Largest variance of the logarithm of what is averaged: beyond, few networks carry the mean."""


def heavy_tailed(settings: Sde, power: int) -> str | None:
    """Why means of `|x|^power` are carried by networks that are too rare to be sampled, or None.

    Of tanh and psi = id, without a bias, `log |x_T|` is normal of variance `k T/D`, `k = phi'(0)^2 sigma_w^2`.
    """
    outer, inner = activation_named(settings.activation), activation_named(settings.activation_inside)
    if outer.without_limit() is not None or inner.bound is not None:
        return None
    k = (outer.taylor()[0] * sizes(settings).sigma_w) ** 2
    variance = power**2 * k * settings.horizon / settings.width
    if variance > MAX_LOG_VARIANCE_OF_MEAN:
        what = f"the logarithm of |x_T|^{power} has a variance of about {variance:.2g}"
        return f"{what}: above {MAX_LOG_VARIANCE_OF_MEAN:g} its mean is carried by networks too rare to be sampled"
    return None


def deep_enough(records: Any) -> str | None:
    """For `Claim.unmet`: why layers are too long for the orders of weak errors, or None.

    By the size of a step alone: a large error may be that of another limit, which must not pass for a small depth.
    """
    rows = records[records["observable"] == "weak_step"]
    if len(rows) and (step := rows[rows["depth"] == rows["depth"].max()]["value"].mean()) > MAX_STEP_OF_ORDER:
        depth = int(rows["depth"].max())
        return (
            f"the step at L={depth} is {step:.2g} ('weak_step'), above {MAX_STEP_OF_ORDER}; deeper networks would tell"
        )
    return None


def asymptotic(observable: str, scheme: str) -> Callable[[Any], str | None]:
    """For `Claim.unmet`: why an order cannot be read from these relative errors, or None."""

    def unmet(records: Any) -> str | None:
        if "scheme" not in records:
            return None
        rows = records[(records["observable"] == observable) & (records["scheme"] == scheme)]
        deepest = rows[rows["depth"] == rows["depth"].max()]["value"].mean()
        if deepest > MAX_RELATIVE_ERROR_OF_ORDER:
            depth = int(rows["depth"].max())
            what = f"the relative error at L={depth} is {deepest:.2g}"
            return f"{what}: no order can be read above {MAX_RELATIVE_ERROR_OF_ORDER}; deeper networks would tell"
        return None

    return unmet
