"""What makes a claim about minimisers inconclusive: one that was not reached, a setting outside. Free of torch."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ....claims.claim import Verdict
from ....settings import KINKED, Gamma

SMOKE_IS_TOO_SMALL: dict[str, Verdict] = {"full": "supported", "smoke": "inconclusive"}
"""For claims whose intervals are too wide at the smoke size."""
LARGEST_SURPRISE = 4.0
"""Factor by which minima come to lie farther from where they were said to be, where a branch ends (6 and more were
seen); on a branch it is about 1/4."""


def not_reached(problem: str, control: str | None = None) -> Callable[[Any], str | None]:
    """Why the minimisers of this problem cannot test a claim, from the records of their certificates, or None."""

    def unmet(records: Any) -> str | None:
        if "problem" not in records:
            return None
        rows = records[records["problem"] == problem]
        if control is not None:
            rows = rows[rows["control"] == control]
        norms = rows[rows["observable"] == "gradient_norm"]
        for depth, norm, tolerance in zip(norms["depth"], norms["value"], norms["reference"], strict=True):
            if not norm <= tolerance:
                return (
                    f"the minimiser at L={depth} was not reached: its relative gradient norm is {norm:.1e}, above"
                    f" minimiser.tolerance={tolerance:.0e}; a larger minimiser.iterations may do"
                )
        certificates = rows[rows["observable"] == "smallest_eigenvalue"]
        for depth, eigenvalue in zip(certificates["depth"], certificates["value"], strict=True):
            if not eigenvalue > 0 or math.isnan(eigenvalue):
                return (
                    f"L={depth}: the Hessian's smallest eigenvalue is {eigenvalue:.1e}: no strict minimum is certified"
                )
        surprises = rows[rows["observable"] == "branch_surprise"]
        for depth, surprise in zip(surprises["depth"], surprises["value"], strict=True):
            if surprise > LARGEST_SURPRISE:
                return (
                    f"the branch of minimisers ends above L={depth // 2}: that at L={depth} is on another, far from"
                    " where the coarser ones point; a larger gamma.alpha, or deeper networks alone, may do"
                )
        return None

    return unmet


def kinked(settings: Gamma) -> str | None:
    """Why the activation is outside the theorem, or None."""
    if settings.activation in KINKED:
        return f"activation={settings.activation}: the theorem needs an activation with continuous derivatives"
    return None
