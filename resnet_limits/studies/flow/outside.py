"""What lies outside the theorems, and the problems that claims pin. Free of torch."""

from __future__ import annotations

from typing import Any

from ...networks.activations import activation_named
from ..outside import kinked, still
from .settings import Flow

PINS_OF_SHARED_WEIGHTS: dict[str, Any] = {"init": "tied"}
"""Weights that all blocks share: a stationary field."""
PINS_OF_ENERGY: dict[str, Any] = {"length": 0.5}
"""The length of the Gaussian kernel in whose metric energies are taken, in units of the standardised points."""


def flow_moves(settings: Flow) -> str | None:
    """Why nothing moves, or None."""
    if (reason := still(settings)) is not None:
        return reason
    if settings.init.sizes().sigma_w == 0 and (matrix := settings.block.still_without) is not None:
        return f"init.sigma_w=0: {matrix} is zero, the states do not move, there is no error to measure"
    return None


def stretches(settings: Flow) -> str | None:
    """Why the Jacobian of every block is the identity, or None."""
    if settings.init.sizes().sigma_w == 0:
        return "all matrices are zero: every block is a translation, with the identity as Jacobian"
    return None


def never_folds(settings: Flow) -> str | None:
    """Why no block folds space, however long its step, or None."""
    if settings.block.monotone and activation_named(settings.activation).increasing:
        return (
            f"block={settings.block.name}: Dv is positive semi-definite where phi increases, and no block folds space"
        )
    return stretches(settings)


def same_weights_at_every_depth(settings: Flow) -> str | None:
    """Why the constant of an error is another draw at each depth, or None."""
    needs = "networks of each depth have weights of their own, and errors no order"
    return settings.init.unless("continuous", needs) or flow_moves(settings)


def smooth_weights(settings: Flow) -> str | None:
    """Why the weights are no smooth function of time, or None where they are."""
    needs = "the theorem is about weights that are smooth in time (smooth, tied)"
    return settings.init.unless("smooth", needs) or flow_moves(settings)


def smooth_field_of_flow(settings: Flow) -> str | None:
    """Why the field has no continuous derivatives, or None where it has."""
    return kinked(settings) or settings.block.rough(settings.width) or flow_moves(settings)


def unbounded(settings: Flow) -> str | None:
    """Why no Lipschitz constant of the blocks is known, or None."""
    return settings.block.without_bound() or activation_named(settings.activation).without_bound()


def smooth(settings: Flow) -> str | None:
    """Why field or weights are not smooth, or None where they are."""
    return smooth_weights(settings) or smooth_field_of_flow(settings)
