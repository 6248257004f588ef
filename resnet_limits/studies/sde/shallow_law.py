"""`sde.law.test.shallow`: Kolmogorov's test at the shallowest depth. Free of torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..study import Comparison, FinishedJob


def compare(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    """The distance at the shallowest depth, under a name of its own."""
    return [
        Comparison(jobs[0].settings.depth, replace(r, observable="law_distance_shallowest"))
        for r in (jobs[0].records if jobs else ())
        if r.observable == "law_distance"
    ]
