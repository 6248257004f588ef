"""Verdicts on claims of a study, from a part of it that is measured at several depths."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from resnet_limits.claims.claim import Judgement
from resnet_limits.claims.judge import judge
from resnet_limits.measurement.job import FinishedJob, InMemory, Job
from resnet_limits.measurement.record import Measurement, Record
from resnet_limits.runs.records import table
from resnet_limits.settings.content import job_name
from resnet_limits.studies import study as studies

Jobs = Sequence[tuple[Any, Measurement]]
"""Settings and what was measured, by depth."""


def ladder(
    part: Any, settings: Any, depths: Sequence[int], shared: InMemory | None = None
) -> list[tuple[Any, Measurement]]:
    """A part, a module with `measure`, at several depths that share their solutions."""
    shared = InMemory() if shared is None else shared
    jobs = [Job(replace(settings, depth=depth), shared) for depth in depths]
    return [(job.settings, part.measure(job)) for job in jobs]


def measured(part: str, settings: Any, depths: Sequence[int]) -> dict[int, list[Record]]:
    """The records of a part of the settings' study at each depth."""
    module = importlib.import_module(f"resnet_limits.studies.{settings.study}.{part}.measure")
    return {job_settings.depth: measurement.records for job_settings, measurement in ladder(module, settings, depths)}


def verdict(claim_id: str, jobs: Jobs, comparison: Any = None) -> Judgement:
    """The judgement on one claim; `comparison`, a module with `compare`, adds what needs several depths."""
    return _judged([claim_id], jobs, comparison)[claim_id]


def verdicts(part: str, settings: Any, depths: Sequence[int], comparison: Any = None) -> dict[str, Judgement]:
    """The judgement on every claim that the part measures, by its id."""
    jobs = [
        (replace(settings, depth=d), Measurement(records)) for d, records in measured(part, settings, depths).items()
    ]
    return _judged(studies.get(settings.study).parts[part], jobs, comparison)


def _judged(ids: Sequence[str], jobs: Jobs, comparison: Any) -> dict[str, Judgement]:
    settings = jobs[0][0]
    frames = [
        table(job_settings, measurement.records, job=job_name(job_settings)) for job_settings, measurement in jobs
    ]
    if comparison is not None:
        finished = [
            FinishedJob(job_settings, measurement.records, measurement.arrays.get) for job_settings, measurement in jobs
        ]
        frames += [table(replace(settings, depth=c.depth), [c.record]) for c in comparison.compare(finished)]
    frame = pd.concat([f for f in frames if len(f)] or frames, ignore_index=True)
    claims = {claim.id: claim for claim in studies.get(settings.study).claims}
    return {claim: judge(claims[claim], settings, frame, {}) for claim in ids}


def value(records: Sequence[Record], observable: str, **coordinates: object) -> Record:
    """The one record with these coordinates."""
    (record,) = [
        r
        for r in records
        if r.observable == observable and all(r.coordinates.get(k) == v for k, v in coordinates.items())
    ]
    return record


def values(jobs: Jobs, observable: str, **where: object) -> list[float]:
    """The values of an observable at the end of the ladder, by depth."""
    return [
        r.value
        for _, m in jobs
        for r in m.records
        if r.observable == observable and r.step is None and all(r.coordinates.get(k) == v for k, v in where.items())
    ]
