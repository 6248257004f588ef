"""Verdicts on one group of claims of a study, from its measurement at several depths."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from resnet_limits.claims.claim import Judgement
from resnet_limits.claims.judge import judge
from resnet_limits.measurement.job import InMemory, Job
from resnet_limits.measurement.record import Record
from resnet_limits.runs.records import table
from resnet_limits.settings.content import job_name
from resnet_limits.studies import study as studies


def measured(part: str, settings: Any, depths: Sequence[int]) -> dict[int, list[Record]]:
    """The records of a part of the settings' study at each depth."""
    module, shared = importlib.import_module(f"resnet_limits.studies.{settings.study}.{part}.measure"), InMemory()
    return {depth: module.measure(Job(replace(settings, depth=depth), shared)).records for depth in depths}


def verdicts(part: str, settings: Any, depths: Sequence[int]) -> dict[str, Judgement]:
    """The judgement on every claim that the part measures, by its id."""
    frames = []
    for depth, records in measured(part, settings, depths).items():
        its = replace(settings, depth=depth)
        frames.append(table(its, records, job=job_name(its)))
    frame = pd.concat([f for f in frames if len(f)] or frames, ignore_index=True)
    study = studies.get(settings.study)
    return {claim.id: judge(claim, settings, frame, {}) for claim in study.claims if claim.id in study.parts[part]}


def value(records: Sequence[Record], observable: str, **coordinates: object) -> Record:
    """The one record with these coordinates."""
    (found,) = [
        r
        for r in records
        if r.observable == observable and all(r.coordinates.get(k) == v for k, v in coordinates.items())
    ]
    return found
