"""Parts of the study at several depths, and the verdict on a claim from their records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from resnet_limits.claims.claim import Judgement
from resnet_limits.claims.judge import judge
from resnet_limits.measurement.job import FinishedJob, InMemory, Job
from resnet_limits.measurement.record import Measurement
from resnet_limits.runs.records import table
from resnet_limits.settings.content import job_name
from resnet_limits.studies import study as studies
from resnet_limits.studies.gamma.settings import Gamma, GammaKeys

STUDY = studies.get("gamma")
DEPTHS = (8, 16, 32, 64)
SMALL = Gamma(width=3, replicas=3, gamma=GammaKeys(alpha=0.01, dimension=1, points=5, train_points=40))
Jobs = Sequence[tuple[Gamma, Measurement]]


def measured(part, settings: Gamma = SMALL, depths: Sequence[int] = DEPTHS) -> list[tuple[Gamma, Measurement]]:
    """One part of the study at several depths that share their solutions."""
    shared = InMemory()
    jobs = [Job(replace(settings, depth=depth), shared) for depth in depths]
    return [(job.settings, part.measure(job)) for job in jobs]


def verdict(claim_id: str, jobs: Jobs, comparison=None) -> Judgement:
    frames = [table(s, m.records, job=job_name(s)) for s, m in jobs]
    if comparison is not None:
        finished = [FinishedJob(s, m.records, m.arrays.get) for s, m in jobs]
        frames += [table(replace(jobs[0][0], depth=c.depth), [c.record]) for c in comparison.compare(finished)]
    (claim,) = [c for c in STUDY.claims if c.id == claim_id]
    return judge(claim, jobs[0][0], pd.concat(frames, ignore_index=True), {})


def values(jobs: Jobs, observable: str, **where: str) -> list[float]:
    """The values of an observable at the end of the ladder, by depth."""
    return [
        r.value
        for _, m in jobs
        for r in m.records
        if r.observable == observable and r.step is None and all(r.coordinates.get(k) == v for k, v in where.items())
    ]
