"""What makes a claim about minimisers of this study inconclusive, and what is said of several. Free of torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...networks.activations import activation_named
from .. import reached
from .settings import Gamma


def minimiser_not_reached(problem: str, **more: str) -> Callable[[Any], str | None]:
    """For `Claim.unmet`: why the minimisers of this problem cannot test a claim, or None."""
    return reached.not_reached({"problem": problem, **more}, "gamma.alpha")


def several_minima(problem: str) -> Callable[[Any], str | None]:
    """For `Claim.note`: that several starts lead to several minima of this problem, or None."""
    return reached.branches_differ({"problem": problem})


def which_minimum(problem: str) -> Callable[[Any], str | None]:
    """For `Claim.note`: that the minimum of a problem of the data set is a local one, or one of several."""
    several = several_minima(problem)

    def note(records: Any) -> str | None:
        if (words := several(records)) is not None or "problem" not in records:
            return words
        rows = records[records["problem"] == problem]
        if not len(rows) or (rows["observable"] == "branch_distance").any():
            return None
        return "one start was followed: its minima are local, and minimiser.starts=3 tries whether others are lower"

    return note


def no_equations(settings: Gamma) -> str | None:
    """Why the limit's own equations are no reference for this activation, or None: the theorem has it."""
    return _kinked(settings, "this claim compares with the limit's Euler-Lagrange equations, which need one")


def no_rate(settings: Gamma) -> str | None:
    """Why no rate is looked for with this activation, or None: the theorem has it."""
    return _kinked(settings, "this claim extrapolates the limit in powers of 1/n, which needs one")


def _kinked(settings: Gamma, what: str) -> str | None:
    if not activation_named(settings.activation).kinks:
        return None
    return f"activation={settings.activation}: the theorem needs no derivative of it, and gamma.relu judges it; {what}"
