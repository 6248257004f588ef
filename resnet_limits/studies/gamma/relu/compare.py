"""The plateaus of distances to the limit with ReLU, from several depths. Free of torch."""

from __future__ import annotations

from collections.abc import Sequence

from ....measurement.job import FinishedJob
from ....measurement.record import Comparison
from ..plateaus import plateaus
from .claims import PLATEAUS_OF_RELU


def compare(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    """The plateau of each distance, relative to the least value of the limit, or to its largest weights."""
    return plateaus(jobs, "relu", PLATEAUS_OF_RELU)
