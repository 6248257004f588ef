"""What lies outside the theorems, and the problems that claims pin. Free of torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...claims.claim import Verdict
from ...settings.names import KINKED
from .settings import Flow

AS_FULL: Mapping[str, Verdict] = {"full": "supported", "smoke": "supported"}
SMOKE_IS_TOO_SMALL: Mapping[str, Verdict] = {"full": "supported", "smoke": "inconclusive"}

SHARED: dict[str, Any] = {"init": "tied"}
"""Weights that all blocks share: a stationary field."""


def moves(settings: Flow) -> str | None:
    """Why nothing moves, or None."""
    if settings.init.sizes() == (0, 0):
        return "all weights are zero: the states do not move, there is no error to measure"
    if settings.init.sizes().sigma_w == 0 and settings.block.name == "two":
        return "init.sigma_w=0: V is zero, the states do not move, there is no error to measure"
    return None


def stretches(settings: Flow) -> str | None:
    """Why the Jacobian of every block is the identity, or None."""
    if settings.init.sizes().sigma_w == 0:
        return "all matrices are zero: every block is a translation, with the identity as Jacobian"
    return None


def same_weights_at_every_depth(settings: Flow) -> str | None:
    """Why the constant of an error is another draw at each depth, or None."""
    needs = "networks of each depth have weights of their own, and errors no order"
    return settings.init.unless("continuous", needs) or moves(settings)


def smooth_path(settings: Flow) -> str | None:
    """Why the weights are no smooth function of time, or None where they are."""
    needs = "the theorem is about weights that are smooth in time (smooth, tied)"
    return settings.init.unless("smooth", needs) or moves(settings)


def smooth_field(settings: Flow) -> str | None:
    """Why the field has no continuous derivatives, or None where it has."""
    if settings.activation in KINKED:
        return f"activation={settings.activation}: the theorem needs a field with continuous derivatives"
    return moves(settings)


def smooth(settings: Flow) -> str | None:
    """Why field or weights are not smooth, or None where they are."""
    return smooth_path(settings) or smooth_field(settings)
