"""`hamiltonian.scaling`: how values change from depth L to depth 2L; that needs no limit. Free of torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from ....measurement.job import FinishedJob
from ....measurement.record import Comparison, Record
from ...plateau import plateau
from ..outside import RELATIVE_ROUNDING_OF_STATES
from .claims import COORDINATE_OF_CONSTANT_DECAY, COORDINATE_OF_SCALED_DECAY


def compare(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    values = _values(jobs, COORDINATE_OF_SCALED_DECAY, "scaled_value")
    off = {L: (value - values[2 * L]) / abs(values[2 * L]) for L, value in values.items() if 2 * L in values}
    differences = [
        Comparison(
            depth,
            Record(
                "value_difference",
                abs(difference),
                reference_error=RELATIVE_ROUNDING_OF_STATES,
                coordinates=COORDINATE_OF_SCALED_DECAY,
            ),
        )
        for depth, difference in off.items()
    ]
    entries = {depth: np.array([[difference]]) for depth, difference in off.items()}
    return [
        *differences,
        *plateau("difference_plateau", entries, RELATIVE_ROUNDING_OF_STATES, COORDINATE_OF_SCALED_DECAY),
        *_rates(jobs),
    ]


def _rates(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    """At every depth but the first that has its double; what the law leaves out falls with depth, so that the
    difference to the pair before bounds it."""
    values, losses = (
        _values(jobs, COORDINATE_OF_CONSTANT_DECAY, "value"),
        _values(jobs, COORDINATE_OF_CONSTANT_DECAY, "loss"),
    )
    off = {
        depth: math.log2(values[depth] / values[2 * depth])
        - sum(1 - losses[layers] / values[layers] for layers in (depth, 2 * depth)) / 2
        for depth in values
        if 2 * depth in values
    }
    return [
        Comparison(
            depth,
            Record(
                "rate_off",
                difference,
                reference_error=abs(difference - off[depth // 2]) + RELATIVE_ROUNDING_OF_STATES,
                coordinates=COORDINATE_OF_CONSTANT_DECAY,
            ),
        )
        for depth, difference in off.items()
        if depth % 2 == 0 and depth // 2 in off
    ]


def _values(jobs: Sequence[FinishedJob], where: Mapping[str, str], name: str) -> dict[int, float]:
    """By depth the values that are known."""
    return {
        job.settings.depth: record.value
        for job in jobs
        for record in job.records
        if record.observable == name and record.coordinates["of"] == where["of"] and math.isfinite(record.value)
    }
