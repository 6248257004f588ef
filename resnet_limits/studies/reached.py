"""What is expected of minimisers, what makes a claim about them inconclusive, and what is said of several. Free of
torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from ..claims.claim import Expected
from ..training.branches import JUDGED_DEPTH

MAX_SURPRISE_AT_END = 4.0
"""Factor by which minima come to lie farther from where they were said to be, where a branch ends (5 and more were
seen); on a branch it is about 1/4, of the second and third rung about 1."""
RELATIVE_DISTANCE_OF_TWO_MINIMA = 1e-6
"""Relative distance above which the minima of two starts are two."""
RELATIVE_ROUNDING_OF_MINIMA = 1e-10
"""Differences of values of minima below this, relative to them, say nothing."""
MINIMA_NAMED = 3
"""How many of several minima are named with their values, from the least."""

EXPECTED_FIRST_ORDER = Expected("order", 1, 0.1)

OBSERVABLES_OF_SEVERAL = {
    "branch_distance": "largest relative distance of the minima of several starts from the one that is judged",
    "branch_minimum": "value at the minimum of each of several starts (coordinate start); of the small problem of"
    " gamma of each start that leads to another",
    "branch_gradient_norm": "gradient_norm at the minimum of each of several starts",
    "branch_eigenvalue": "smallest_eigenvalue at the minimum of each of several starts; nan on a kink",
    "above_least": "value at the minimum that is judged less the least of several starts, relative: positive where it"
    " is a local minimum only",
}
"""What is recorded of several branches."""

OBSERVABLES_OF_CERTIFICATE = {
    "minimum": "value at the minimum; by step at each rung of the ladder 4, 8, ..., L",
    "gradient_norm": "|grad| |u| / value at the minimum in scaled variables u, in which the penalty is a multiple of"
    " |u|^2; its reference is the tolerance; by step at each rung",
    "smallest_eigenvalue": "smallest eigenvalue of the Hessian in scaled variables, less its error bound; by step"
    " at each rung",
    "lbfgs_iterations": "iterations of L-BFGS at the last rung; by step at each rung; only the lowest rung has any",
    "newton_iterations": "iterations of Newton's method at the last rung; by step at each rung",
    "hessian_products": "products of the Hessian with a vector at the last rung; by step at each rung",
    "branch_surprise": "by rung (step): distance of the minimum from where the coarser ones point, by that of the rung"
    " before: about 1/4 (of the second and third rung by that of the next: about 1); above 4 it is on another branch",
    **OBSERVABLES_OF_SEVERAL,
}
"""What `certificate.py` records."""


def not_reached(where: Mapping[str, str], advice: str, *, one_branch: bool = True) -> Callable[[Any], str | None]:
    """For `Claim.unmet`: why the minimisers of these coordinates cannot test a claim, or None; `advice` names a key
    that may help. `one_branch`: the claim follows one branch of minimisers, and says nothing where that ends."""

    def unmet(records: Any) -> str | None:
        rows = _rows(records, where)
        if rows is None:
            return None
        ends = rows[rows["step"].isna()] if "step" in rows else rows
        norms = ends[ends["observable"] == "gradient_norm"]
        for depth, norm, tolerance in zip(norms["depth"], norms["value"], norms["reference"], strict=True):
            if not norm <= tolerance:
                return (
                    f"the minimiser at L={depth} was not reached: its relative gradient norm is {norm:.1e}, above"
                    f" minimiser.tolerance={tolerance:.0e}; a larger minimiser.iterations or {advice} may do"
                )
        certificates = ends[ends["observable"] == "smallest_eigenvalue"]
        for depth, eigenvalue in zip(certificates["depth"], certificates["value"], strict=True):
            if not eigenvalue > 0 or math.isnan(eigenvalue):
                return (
                    f"L={depth}: the Hessian's smallest eigenvalue is {eigenvalue:.1e}: no strict minimum is certified"
                )
        if not one_branch:
            return None
        surprises, depths = rows[rows["observable"] == "branch_surprise"], set(rows["depth"])
        for rung, surprise in zip(surprises["step"], surprises["value"], strict=True):
            if surprise > MAX_SURPRISE_AT_END and min(depths) < rung <= max(depths):
                return (
                    f"the branch of minimisers ends below L={rung:.0f}: that at L={rung:.0f} is on another, far from"
                    f" where the others point; a larger {advice}, or deeper networks alone, may do"
                )
        return None

    return unmet


def branches_differ(where: Mapping[str, str]) -> Callable[[Any], str | None]:
    """For `Claim.note`: that several starts led to several minima, which is judged, and where that is local only; or
    None."""

    def note(records: Any) -> str | None:
        rows = _rows(records, where)
        if rows is None:
            return None
        apart = rows[(rows["observable"] == "branch_distance") & (rows["value"] > RELATIVE_DISTANCE_OF_TWO_MINIMA)]
        if not len(apart):
            return None
        deepest = apart["depth"].max()
        there = rows[(rows["observable"] == "branch_minimum") & (rows["depth"] == deepest)]
        values = list(dict.fromkeys(f"{value:.6g}" for value in sorted(there["value"])))
        listed = ", ".join(values[:MINIMA_NAMED]) + (", ..." if len(values) > MINIMA_NAMED else "")
        named = ", ".join(f"{name}={value}" for name, value in where.items())
        words = (
            f"several starts lead to minima that differ ({named}, L={deepest}: {listed}{_certified(rows, deepest)});"
            f" the branch of least value from L={JUDGED_DEPTH} on is judged, the others are local only"
        )
        return words + _local_at(rows)

    return note


def _certified(rows: Any, depth: int) -> str:
    """How many of the minima at a depth are certified to second order, with the words before."""
    eigenvalues = rows[(rows["observable"] == "branch_eigenvalue") & (rows["depth"] == depth)]["value"]
    if not len(eigenvalues):
        return ""
    strict = int((eigenvalues > 0).sum())
    return f"; {strict} of {len(eigenvalues)} certified as strict local minima"


def _local_at(rows: Any) -> str:
    """At which depths the minimum that is judged is a local one only, with the next words; empty where at none."""
    above = rows[(rows["observable"] == "above_least") & (rows["value"] > RELATIVE_ROUNDING_OF_MINIMA)]
    if not len(above):
        return ""
    depths = ", ".join(
        f"L={depth} (by {value:.1g})" for depth, value in zip(above["depth"], above["value"], strict=True)
    )
    return f"; it is local only, too, at {depths}, where another is lower"


def _rows(records: Any, where: Mapping[str, str]) -> Any:
    """The records of these coordinates, or None."""
    for name, value in where.items():
        if name not in records:
            return None
        records = records[records[name] == value]
    return records if len(records) else None
