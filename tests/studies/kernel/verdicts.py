"""Verdicts on one group of claims of the study `kernel`, from its measurement at several depths."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from resnet_limits import settings as keys
from resnet_limits.claims.claim import Judgement
from resnet_limits.claims.judge import judge
from resnet_limits.runs.records import table
from resnet_limits.settings import Digits, Kernel, KernelKeys
from resnet_limits.studies.kernel.claims import GROUPS
from resnet_limits.studies.study import InMemory, Job, Record

SMALL = Kernel(
    replicas=512,
    data=Digits(train_size=200),
    kernel=KernelKeys(inputs=3, networks=16, trained_depth=4, points=50, steps=20, deep_points=200),
)
"""Seconds a group."""


def measured(group: str, settings: Kernel, depths: Sequence[int]) -> dict[int, list[Record]]:
    """The records of each depth."""
    module, shared = importlib.import_module(f"resnet_limits.studies.kernel.{group}"), InMemory()
    return {depth: module.measure(Job(replace(settings, depth=depth), shared)).records for depth in depths}


def verdicts(group: str, settings: Kernel, depths: Sequence[int]) -> dict[str, Judgement]:
    """The judgement on every claim of the group, by its id."""
    frames = []
    for depth, records in measured(group, settings, depths).items():
        its = replace(settings, depth=depth)
        frames.append(table(its, records, job=keys.job_name(its)))
    frame = pd.concat([f for f in frames if len(f)] or frames, ignore_index=True)
    return {claim.id: judge(claim, settings, frame, {}) for claim in GROUPS[group].claims}


def value(records: Sequence[Record], observable: str, **coordinates: object) -> Record:
    """The one record with these coordinates."""
    (found,) = [
        r
        for r in records
        if r.observable == observable and all(r.coordinates.get(k) == v for k, v in coordinates.items())
    ]
    return found
