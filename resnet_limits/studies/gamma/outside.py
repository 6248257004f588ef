"""What makes a claim about minimisers of this study inconclusive, and what is said of several. Free of torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import outside, reached
from .settings import Gamma


def minimiser_not_reached(problem: str, **more: str) -> Callable[[Any], str | None]:
    """For `Claim.unmet`: why the minimisers of this problem cannot test a claim, or None."""
    return reached.not_reached({"problem": problem, **more}, "gamma.alpha")


def several_minima(problem: str) -> Callable[[Any], str | None]:
    """For `Claim.note`: that several starts lead to several minima of this problem, or None."""
    return reached.branches_differ({"problem": problem})


def kinked_objective(settings: Gamma) -> str | None:
    """Why the activation is outside the theorem, or None."""
    return outside.kinked(settings, "an activation")
