"""`hamiltonian.scaling`: `|J_L - J_2L|`, relative: needs no limit. Free of torch."""

from __future__ import annotations

from collections.abc import Sequence

from ....measurement.job import FinishedJob
from ....measurement.record import Comparison, Record
from .claims import SCALED

ROUNDING = 1e-13


def compare(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    values = {
        job.settings.depth: record.value
        for job in jobs
        for record in job.records
        if record.observable == "scaled_value"
    }
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
