"""`sde.law.test.shallow`: how often Kolmogorov's test rejects at the shallowest depth. Free of torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ....measurement.job import FinishedJob
from ....measurement.record import Comparison


def compare(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    """Rejections at the shallowest depth."""
    if not jobs:
        return []
    shallowest = min(jobs, key=lambda job: job.settings.depth)
    return [
        Comparison(shallowest.settings.depth, replace(r, observable="law_rejected", value=1 - r.value))
        for r in shallowest.records
        if r.observable == "law_accepted"
    ]
