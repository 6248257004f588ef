"""Why a setting, or a training, lies outside the theorems of the study; None where it does not. Free of torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...networks.parametrisation import ODE
from ..outside import kinked, still
from .settings import Ode


def reads_a_continuous_path(settings: Ode) -> str | None:
    """Why the weights are no smooth function of time, or None where they are."""
    return settings.init.unless("smooth", "the theorem is about weights that are smooth in time (smooth, tied)")


def states_move(settings: Ode) -> str | None:
    """Why the states do not move along a smooth path of weights, or None where they do."""
    return still(settings) or reads_a_continuous_path(settings)


def smooth_field(settings: Ode) -> str | None:
    """Why the field has no continuous derivatives along the path, or None where it has."""
    return kinked(settings) or settings.block.rough(settings.width) or states_move(settings)


MIN_MOVEMENT = 1e-4
"""Root mean square by which training has to move the weights of some layer."""


def not_trained(start: str) -> Callable[[Any], str | None]:
    """Why networks trained from this start say nothing: their loss did not fall, or their weights did not move."""

    def unmet(records: Any) -> str | None:
        if "init" not in records or "block" not in records:
            return None
        rows = records[(records["init"] == start) & (records["block"] == "two") & records["layer"].isna()]
        final = rows[rows["step"].isna()].groupby(["observable", "depth"])["value"].mean()
        first = rows[(rows["observable"] == "train_loss") & (rows["step"] == 0)].groupby("depth")["value"].mean()
        if "movement" not in final.index.get_level_values(0):
            return None
        moved = float(final["movement"].max())
        if moved < MIN_MOVEMENT:
            return f"training hardly moved the weights (by {moved:.1e} at most): a larger train.lr, or more epochs"
        risen = [depth for depth, loss in final["train_loss"].items() if not loss < first[depth]]
        if risen:
            where = ", ".join(f"L={depth}" for depth in risen)
            return f"training did not lower the loss at {where}: a smaller train.lr may train"
        return None

    return unmet


def as_the_theory_asks(settings: Ode) -> str | None:
    """Why trained weights lie outside the theorem, or None."""
    if (reason := kinked(settings)) is not None:
        return reason
    exponent, asked = settings.train.lr_exponent, ODE.block.moves(settings.train.optimizer).rate.depth
    if exponent is not None and exponent != asked:
        name = settings.train.optimizer
        return f"train.lr_exponent={exponent:g}: {name} moves the layer weights as in the limit at {asked:g}"
    return None
