"""What a study is: `measure(job) -> records`, `compare(finished jobs) -> records`, and claims as data.

    config -> settings -> measure (one depth, pure) -> records, arrays
                          compare (finished depths, seconds, no training) -> records
                          claims (records alone) -> verdicts

A study is a folder, `settings.py`, `study.py` and one folder a group, or a single module that holds its settings, the
functions that measure, and `STUDY`. A study never prints. Everything here is free of torch and numpy: a study's package
imports its measurements only when they are called.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from ..claims.claim import Claim
from ..errors import SettingError, Undetermined
from ..measurement.job import FinishedJob, Job
from ..measurement.record import WHY, Comparison, Measurement, Record, unknown
from ..memory import explained
from ..settings.base import Settings
from ..settings.registry import STUDIES, Registry
from .chosen import asked_groups, chosen_claims
from .group import Group
from .two_way import Table


def _anything(settings: Any) -> None:
    return None


def _no_warnings(settings: Any) -> list[str]:
    return []


def _is_of(claim: Claim, record: Record) -> bool:
    """Whether the record is a number that the claim is judged by."""
    at_the_end = record.layer is None and record.step is None
    is_at_its_coordinates = all(record.coordinates.get(name) == value for name, value in claim.coordinates.items())
    return (
        record.observable == claim.observable and at_the_end and is_at_its_coordinates and math.isfinite(record.value)
    )


SECONDS_WORTH_KEEPING = 1.0
"""Seconds that a part takes before a job keeps what it measured, should the job be interrupted in a later part."""


@dataclass(frozen=True)
class Study:
    """A family of networks indexed by depth, the limit they approach, the observables and the claims.

    `question` is the one that its groups answer together. `groups` are measured in this order; where one has no number
    for a claim, `problem.degenerate(settings)` of the study, if it has that, says in words what is degenerate, or None.
    `parts` and the other maps by name of a group are derived.
    `check(settings)` raises `SettingError` for a request that cannot be run; `warnings(settings)` are lines, each with
    the keys it is about, on a request that can, but is likely not what was meant. `figures` names those of
    `figures/named/` that every run draws, where jobs kept what they show. `two_way` are the
    tables of the report over two coordinates. `unpaired` says where a study has no network and limit that are functions
    of points (`pair.py` in its folder) what it has in their place. `main_keys` are those that a newcomer would turn
    first, at most ten.
    """

    options: ClassVar[Registry] = STUDIES
    name: str
    title: str
    question: str
    equation: str
    settings: type[Settings]
    groups: tuple[Group, ...]
    check: Callable[[Any], None] = _anything
    warnings: Callable[[Any], list[str]] = _no_warnings
    figures: tuple[str, ...] = ()
    two_way: tuple[Table, ...] = ()
    unpaired: str = ""
    main_keys: tuple[str, ...] = ()

    @functools.cached_property
    def claims(self) -> tuple[Claim, ...]:
        return tuple(claim for group in self.groups for claim in group.claims)

    @functools.cached_property
    def parts(self) -> Mapping[str, tuple[str, ...]]:
        """The claims of each group, by id."""
        return {group.name: tuple(claim.id for claim in group.claims) for group in self.groups}

    @property
    def seconds(self) -> float | None:
        """What the groups of its sweep cost, each alone: no less than together, where they may share a solution. None
        where no group was measured."""
        known = [group.seconds for group in self.groups if group.seconds is not None and not group.by_name]
        return sum(known) if known else None

    @property
    def observables(self) -> Mapping[str, str]:
        return {name: words for group in self.groups for name, words in group.observables.items()}

    @property
    def arrays(self) -> Mapping[str, str]:
        return {name: words for group in self.groups for name, words in group.arrays.items()}

    def chosen(self, names: list[str] | None) -> list[Claim]:
        """The claims that the key `claims` asks for (`studies/chosen.py`). Raises `SettingError` for a name of none."""
        return chosen_claims(names, self.groups)

    @property
    def memory_keys(self) -> list[str]:
        """The keys that the memory of any part grows with."""
        return list(dict.fromkeys(key for group in self.groups for key in group.memory))

    def device(self, settings: Settings) -> str:
        """The key `device` where a part that is asked for computes there, else `cpu`."""
        return "cpu" if all(group.on_cpu for group in self.needed(settings)) else settings.device

    def uncompiled(self, settings: Settings) -> dict[str, str]:
        """What the groups that are asked for take that has no compiled form, by their names."""
        return {group.name: group.uncompiled for group in self.needed(settings) if group.uncompiled}

    def all_warnings(self, settings: Settings) -> list[str]:
        """The study's own `warnings`, and those that concern every study."""
        lines = self.warnings(settings)
        if settings.device.startswith("cuda") and self.device(settings) == "cpu":
            what = f"study {self.name}" if settings.claims is None else f"claims=[{','.join(settings.claims)}]"
            lines = [*lines, f"device={settings.device}: {what} computes on the CPU alone; no GPU is used"]
        return lines

    def measure(self, job: Job) -> Measurement:
        """All records and arrays of one job. Raises `OutOfMemory` naming the part, and whatever a part raises."""
        import numpy as np

        groups, total = self.needed(job.settings), Measurement()
        for i, group in enumerate(groups):

            def progress(fraction: float, message: str, i: int = i) -> None:
                job.progress((i + fraction) / len(groups), message)

            progress(0.0, group.name)
            # What overflows, or is 0/0, is a number that is none: no warning says more than its verdict does.
            with explained(job.settings, group.memory, group.name), np.errstate(all="ignore"):
                why, measured = None, Measurement()
                try:
                    measured = self._measured(group, replace(job.part(group.name), progress=progress))
                except Undetermined as error:
                    why = str(error)
                total.extend(measured)
                total.records += self._unknown(group, measured.records, job.settings, why)
        return total

    def _unknown(self, group: Group, records: Sequence[Record], settings: Any, why: str | None) -> list[Record]:
        """Of each claim that the group has no number for: that there is none, and why, where that is known or where
        the study says what is degenerate."""
        missing = [
            claim
            for claim in group.claims
            if claim.id not in group.compared and not any(_is_of(claim, r) for r in records)
        ]
        if not missing or (why := why or self._degenerate(settings)) is None:
            return []
        by_observable = {(claim.observable, *claim.coordinates.items()): claim for claim in missing}
        return [unknown(claim.observable, why, claim.coordinates) for claim in by_observable.values()]

    def _degenerate(self, settings: Any) -> str | None:
        """What `problem.degenerate` of the study says of the settings; None where it has no such function."""
        function = self.optional("problem", "degenerate")
        return None if function is None else function(settings)

    def optional(self, module: str, name: str) -> Callable[..., Any] | None:
        """The function of this name in a module of the study's folder; None where there is none."""
        if not self._is_folder or importlib.util.find_spec(self._path(module)) is None:
            return None
        return getattr(self._module(module), name, None)

    def _measured(self, group: Group, job: Job) -> Measurement:
        """What the group measures; of an interrupted job what it has measured, where it was done with the group."""
        finished = job.checkpoints.part("finished")
        if (state := finished.load()) is not None:
            return Measurement.of(state)
        start = time.monotonic()
        measurement = self._function(group, "measure")(job)
        if time.monotonic() - start >= SECONDS_WORTH_KEEPING:
            finished.save(measurement.state())
        return measurement

    def needed(self, settings: Settings) -> list[Group]:
        """The groups that measure what the key `claims` asks for, at this depth.

        Where it asks for all, not those of which every claim lies outside: what is asked for by name is measured.
        """
        groups = [group for group in asked_groups(settings.claims, self.groups) if settings.depth in group.depths]
        if settings.claims is not None:
            return groups
        return [group for group in groups if any(claim.outside(settings) is None for claim in group.claims)]

    def skipped(self, jobs: Iterable[Settings]) -> dict[str, list[int]]:
        """The depths at which a group is asked for and not measured, by its name: those out of its bounds."""
        depths: dict[str, set[int]] = {}
        for settings in jobs:
            for group in asked_groups(settings.claims, self.groups):
                if settings.depth not in group.depths:
                    depths.setdefault(group.name, set()).add(settings.depth)
        return {group.name: sorted(depths[group.name]) for group in self.groups if group.name in depths}

    def compare(self, jobs: Sequence[FinishedJob]) -> list[Comparison]:
        """The records that need several finished depths of one setting and one seed."""
        if not jobs:
            return []
        ids = {claim.id for claim in self.chosen(jobs[0].settings.claims)}
        measured = {group.name for job in jobs for group in self.needed(job.settings)}
        asked = [group for group in self.groups if ids & set(group.compared) and group.name in measured]
        jobs = [replace(job, records=[r for r in job.records if WHY not in r.coordinates]) for job in jobs]
        return [comparison for group in asked for comparison in self._function(group, "compare")(jobs)]

    def group(self, name: str) -> Group:
        """The group of this name."""
        return next(group for group in self.groups if group.name == name)

    def group_of(self, claim_id: str) -> Group:
        """The group of a claim of this study."""
        return next(group for group in self.groups if claim_id in self.parts[group.name])

    def _function(self, group: Group, name: str) -> Callable[[Any], Any]:
        """`measure` or `compare` of a group: its own, else that of the file of this name in its folder."""
        declared = getattr(group, name)
        return declared if declared is not None else getattr(self._module(group.name, name), name)

    @property
    def _is_folder(self) -> bool:
        return self.settings.__module__.endswith(SUFFIX_OF_SETTINGS)

    def _path(self, *names: str) -> str:
        """The module of this name in the folder of the study."""
        if not self._is_folder:
            where, name = self.settings.__module__, names[-1]
            raise TypeError(f"study {self.name} is the module {where}: its Group({names[0]!r}) needs {name}=")
        return ".".join((self.settings.__module__.removesuffix(SUFFIX_OF_SETTINGS), *names))

    def _module(self, *names: str) -> Any:
        return importlib.import_module(self._path(*names))


SUFFIX_OF_SETTINGS = ".settings"
"""What the module of the settings is called in the folder of a study."""


def get(name: str) -> Study:
    """The study of this name, of the folder or the module that has its settings. Raises `SettingError` with the valid
    names."""
    if name not in STUDIES:
        raise SettingError(f"unknown study {STUDIES.unknown(name)}")
    module = STUDIES[name].__module__
    where = module.removesuffix(SUFFIX_OF_SETTINGS) + ".study" if module.endswith(SUFFIX_OF_SETTINGS) else module
    with STUDIES.blaming(name):
        return importlib.import_module(where).STUDY
