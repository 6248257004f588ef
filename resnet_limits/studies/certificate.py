"""Records of how well a minimiser was reached, what that took, and on which branch it is: `reached.py` reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..measurement.record import Record
from ..training.branches import Refine, SolutionBranch, distance_between, surprises
from ..training.minimiser import Minimum


def of_the_minimiser(
    branches: Sequence[SolutionBranch], refine: Refine, tolerance: float, where: Mapping[str, Any]
) -> list[Record]:
    """Of the first branch, which is judged: certificate and counts at its end and (by step) at every rung; of several
    branches what `of_several` says.

    The record of the gradient norm has the tolerance as its reference.
    """
    judged = branches[0]
    records = _of(judged.minimum, None, tolerance, where)
    for rung in judged.rungs:
        records += _of(rung.minimum, rung.depth, tolerance, where)
    for depth, surprise in surprises(judged.rungs, refine).items():
        records.append(Record("branch_surprise", surprise, step=depth, coordinates=where, replicas=1))
    if len(branches) > 1:
        least = min(branch.minimum.value for branch in branches if branch.minimum.converged or branch is judged)
        records += of_several(branches, least, where)
    return records


def of_several(branches: Sequence[SolutionBranch], least: float, where: Mapping[str, Any]) -> list[Record]:
    """How far several branches are apart, how far the first, which is judged, lies above the least value, and of each
    the value at its minimum with what certifies that."""
    judged = branches[0].minimum
    apart = distance_between([branch.minimum for branch in branches])
    above = (judged.value - least) / (abs(least) or 1.0)
    records = [
        Record("branch_distance", apart, coordinates=where, replicas=1),
        Record("above_least", above, coordinates=where, replicas=1),
    ]
    for branch in branches:
        minimum = branch.minimum
        values = {
            "branch_minimum": minimum.value,
            "branch_gradient_norm": minimum.relative_gradient,
            "branch_eigenvalue": minimum.smallest_eigenvalue,
        }
        start = {**where, "start": branch.start}
        records += [Record(name, value, coordinates=start, replicas=1) for name, value in values.items()]
    return records


def _of(minimum: Minimum, step: int | None, tolerance: float, where: Mapping[str, Any]) -> list[Record]:
    values = {
        "minimum": minimum.value,
        "smallest_eigenvalue": minimum.smallest_eigenvalue,
        "lbfgs_iterations": float(minimum.lbfgs_iterations),
        "newton_iterations": float(minimum.newton_iterations),
        "hessian_products": float(minimum.hessian_products),
    }
    norm = minimum.relative_gradient
    return [
        Record("gradient_norm", norm, reference=tolerance, step=step, coordinates=where, replicas=1),
        *(Record(name, value, step=step, coordinates=where, replicas=1) for name, value in values.items()),
    ]
