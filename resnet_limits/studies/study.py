"""What a study is: `measure(job) -> records`, `compare(finished jobs) -> records`, and claims as data.

    config -> settings -> measure (one depth, pure) -> records, arrays
                          compare (finished depths, seconds, no training) -> records
                          claims (records alone) -> verdicts

A study never prints. Everything here is free of torch: a study's package imports its measurements
only when they are called.
"""

from __future__ import annotations

import functools
import importlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..claims.claim import Claim, selected
from ..errors import SettingError, Undetermined, one_of
from ..measurement.job import FinishedJob, Job
from ..measurement.record import WHY, Comparison, Measurement, Record, unknown
from ..memory import explained
from ..settings.base import Settings
from ..settings.registry import STUDIES
from .group import Group
from .least import Least
from .two_way import Table


def _anything(settings: Any) -> None:
    return None


def _no_warnings(settings: Any) -> list[str]:
    return []


def _is_of(claim: Claim, record: Record) -> bool:
    """Whether the record is a number that the claim is judged by."""
    at_the_end = record.layer is None and record.step is None
    its = all(record.coordinates.get(name) == value for name, value in claim.coordinates.items())
    return record.observable == claim.observable and at_the_end and its and math.isfinite(record.value)


WORTH_KEEPING = 1.0
"""Seconds that a part takes before a job keeps what it measured, should the job be interrupted in a later part."""


@dataclass(frozen=True)
class Study:
    """A family of networks indexed by depth, the limit they approach, the observables and the claims.

    `groups` are measured in this order; where one has no number for a claim, `problem.degenerate(settings)` of the
    study says in words what is degenerate, or None. `parts` and the other maps by name of a group are derived.
    `check(settings)` raises `SettingError` for a request that cannot be run; `warnings(settings)` are lines, each with
    the keys it is about, on a request that can, but is likely not what was meant. `figures` names those of
    `figures/named/` that every run draws, where jobs kept what they show. `two_way` are the
    tables of the report over two coordinates.
    """

    name: str
    title: str
    equation: str
    settings: type[Settings]
    groups: tuple[Group, ...]
    check: Callable[[Any], None] = _anything
    warnings: Callable[[Any], list[str]] = _no_warnings
    figures: tuple[str, ...] = ()
    two_way: tuple[Table, ...] = ()

    @functools.cached_property
    def claims(self) -> tuple[Claim, ...]:
        return tuple(claim for group in self.groups for claim in group.claims)

    @functools.cached_property
    def parts(self) -> Mapping[str, tuple[str, ...]]:
        """The claims of each group, by id."""
        return {group.name: tuple(claim.id for claim in group.claims) for group in self.groups}

    @property
    def compared(self) -> Mapping[str, tuple[str, ...]]:
        """The claims that need several depths, of each group that has such."""
        return {group.name: group.compared for group in self.groups if group.compared}

    @property
    def observables(self) -> Mapping[str, str]:
        return {name: words for group in self.groups for name, words in group.observables.items()}

    @property
    def arrays(self) -> Mapping[str, str]:
        return {name: words for group in self.groups for name, words in group.arrays.items()}

    @property
    def memory(self) -> Mapping[str, tuple[str, ...]]:
        return {group.name: group.memory for group in self.groups}

    @property
    def least(self) -> Mapping[str, Least]:
        return {group.name: group.least for group in self.groups}

    @property
    def on_cpu(self) -> frozenset[str]:
        return frozenset(group.name for group in self.groups if group.on_cpu)

    def chosen(self, names: list[str] | None) -> list[Claim]:
        """The claims that the key `claims` asks for. Raises `SettingError` for a name that matches none."""
        if names is not None:
            ids = [claim.id for claim in self.claims]
            if not names:
                raise SettingError("claims: an empty list asks for nothing; null asks for all")
            for name in names:
                if not any(selected([name], i) for i in ids):
                    raise SettingError(f"claims: unknown claim {one_of(name, ids)}")
        return [claim for claim in self.claims if selected(names, claim.id)]

    @property
    def memory_keys(self) -> list[str]:
        """The keys that the memory of any part grows with."""
        return list(dict.fromkeys(key for keys in self.memory.values() for key in keys))

    def device(self, settings: Settings) -> str:
        """The key `device` where a part that is asked for computes there, else `cpu`."""
        return settings.device if set(self.needed_parts(settings)) - self.on_cpu else "cpu"

    def all_warnings(self, settings: Settings) -> list[str]:
        """The study's own `warnings`, and those that concern every study."""
        lines = self.warnings(settings)
        if settings.device.startswith("cuda") and self.device(settings) == "cpu":
            what = f"study {self.name}" if settings.claims is None else f"claims=[{','.join(settings.claims)}]"
            lines = [*lines, f"device={settings.device}: {what} computes on the CPU alone; no GPU is used"]
        return lines

    def measure(self, job: Job) -> Measurement:
        """All records and arrays of one job. Raises `OutOfMemory` naming the part, and whatever a part raises."""
        parts = self.needed_parts(job.settings)
        total = Measurement()
        for i, part in enumerate(parts):

            def progress(fraction: float, message: str, i: int = i) -> None:
                job.progress((i + fraction) / len(parts), message)

            progress(0.0, part)
            # What overflows, or is 0/0, is a number that is none: no warning says more than its verdict does.
            with explained(job.settings, self.memory.get(part, ()), part), np.errstate(all="ignore"):
                why, measured = None, Measurement()
                try:
                    measured = self._measured(part, replace(job.part(part), progress=progress))
                except Undetermined as error:
                    why = str(error)
                total.extend(measured)
                total.records += self._unknown(part, measured.records, job.settings, why)
        return total

    def _unknown(self, part: str, records: Sequence[Record], settings: Any, why: str | None) -> list[Record]:
        """Of each claim that the part has no number for: that there is none, and why, where that is known or where the
        study's `problem.degenerate(settings)` says so."""
        compared = {claim_id for its in self.compared.values() for claim_id in its}
        missing = [
            claim
            for claim in self.claims
            if claim.id in self.parts[part] and claim.id not in compared and not any(_is_of(claim, r) for r in records)
        ]
        if not missing or (why := why or self._module("problem").degenerate(settings)) is None:
            return []
        found = {(claim.observable, *claim.coordinates.items()): claim for claim in missing}
        return [unknown(claim.observable, why, claim.coordinates) for claim in found.values()]

    def _measured(self, part: str, job: Job) -> Measurement:
        """What the part measures; of an interrupted job what it has measured, where it was done with the part."""
        finished = job.checkpoints.part("finished")
        if (state := finished.load()) is not None:
            return Measurement.of(state)
        start = time.monotonic()
        measurement = self._module(part, "measure").measure(job)
        if time.monotonic() - start >= WORTH_KEEPING:
            finished.save(measurement.state())
        return measurement

    def needed_parts(self, settings: Settings) -> list[str]:
        """The parts that measure what the key `claims` asks for."""
        return self._needed(self.parts, settings)

    def compare(self, jobs: Sequence[FinishedJob]) -> list[Comparison]:
        """The records that need several finished depths of one setting and one seed."""
        if not jobs:
            return []
        modules = [self._module(name, "compare") for name in self._needed(self.compared, jobs[0].settings)]
        jobs = [replace(job, records=[r for r in job.records if WHY not in r.coordinates]) for job in jobs]
        return [c for module in modules for c in module.compare(jobs)]

    def _needed(self, modules: Mapping[str, tuple[str, ...]], settings: Settings) -> list[str]:
        ids = {claim.id for claim in self.chosen(settings.claims)}
        return [module for module, its in modules.items() if ids & set(its)]

    def _module(self, *path: str) -> Any:
        return importlib.import_module(".".join((folder_of(self.settings), *path)))


def folder_of(settings: type[Settings]) -> str:
    """The package of the study that has these settings: they stand in its `settings.py`."""
    return settings.__module__.removesuffix(".settings")


def get(name: str) -> Study:
    """The study of this name. Raises `SettingError` with the valid names."""
    if name not in STUDIES:
        raise SettingError(f"unknown study {one_of(name, STUDIES)}")
    return importlib.import_module(f"{folder_of(STUDIES[name])}.study").STUDY
