"""The plateau of the recovery sequence's value on the data, from several depths. Free of torch."""

from __future__ import annotations

from collections.abc import Sequence

from ....measurement.job import FinishedJob
from ....measurement.record import Comparison
from ..plateaus import plateaus
from .claims import PLATEAU_OF_RECOVERY, RECOVERED


def compare(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    """`recovery_plateau` on the data, relative to the least value of the limit."""
    return plateaus(jobs, RECOVERED, PLATEAU_OF_RECOVERY)
