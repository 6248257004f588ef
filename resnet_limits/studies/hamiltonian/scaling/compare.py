"""`hamiltonian.scaling`: how values change from depth L to depth 2L; that needs no limit. Free of torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ....measurement.job import FinishedJob
from ....measurement.record import Comparison, Record
from ...plateau import of_jobs, plateaus
from .claims import PLATEAUS, SCALED, UNSCALED

ROUNDING = 1e-13


def compare(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    differences = _differences(jobs)
    found = [(its.depth, its.record) for its in differences]
    return [*differences, *plateaus(found, PLATEAUS), *_rates(jobs)]


def _differences(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    values = _values(jobs, SCALED, "scaled_value")
    return [
        Comparison(
            depth,
            Record(
                "value_difference",
                abs(value - values[2 * depth]) / abs(values[2 * depth]),
                reference_error=ROUNDING,
                coordinates=SCALED,
            ),
        )
        for depth, value in values.items()
        if 2 * depth in values
    ]


def _rates(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    """At every depth but the first that has its double; what the law leaves out falls with depth, so that the
    difference to the pair before bounds it."""
    values, losses = _values(jobs, UNSCALED, "value"), _values(jobs, UNSCALED, "loss")
    off = {
        depth: math.log2(values[depth] / values[2 * depth])
        - sum(1 - losses[its] / values[its] for its in (depth, 2 * depth)) / 2
        for depth in values
        if 2 * depth in values
    }
    return [
        Comparison(
            depth,
            Record(
                "rate_off",
                its,
                reference_error=abs(its - off[depth // 2]) + ROUNDING,
                coordinates=UNSCALED,
            ),
        )
        for depth, its in off.items()
        if depth % 2 == 0 and depth // 2 in off
    ]


def _values(jobs: Sequence[FinishedJob], where: Mapping[str, str], name: str) -> dict[int, float]:
    """By depth the values that are known."""
    found = ((depth, record.value) for depth, record in of_jobs(jobs, where) if record.observable == name)
    return {depth: value for depth, value in found if math.isfinite(value)}
