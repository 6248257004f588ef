"""The plateaus of distances to the limit, from several depths: 0 where networks converge. Free of torch."""

from __future__ import annotations

from collections.abc import Sequence

from ....measurement.job import FinishedJob
from ....measurement.record import Comparison
from ..plateaus import plateaus
from .claims import PLATEAU_AND_SCALE, PROBLEM_PREFIXES


def compare(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    """The plateau of each distance of each problem, relative to the value of the limit, or to its largest weights."""
    return [plateau for problem in PROBLEM_PREFIXES for plateau in plateaus(jobs, problem, PLATEAU_AND_SCALE)]
