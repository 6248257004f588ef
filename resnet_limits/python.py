"""Jobs and runs without the command line."""

from __future__ import annotations

import functools
import sys
import time
import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

from . import device
from .claims.claim import Judgement
from .claims.words import counted, duration
from .data import identity
from .data.sources.source import Data
from .engines import computed_by, require_engine
from .errors import RunFolderError, SettingError, one_of
from .in_words import InWords
from .measurement.job import Job
from .runs.collect import collected
from .runs.collection import Collection as CollectedRun
from .runs.folder import Run, outputs_root
from .runs.job import run_job
from .runs.job_folder import JobFolder
from .runs.merge import merge
from .runs.records import table
from .settings.base import Settings
from .settings.build import require_files, with_files
from .settings.checks import check_values, require_settings
from .settings.grid import grid
from .settings.registry import kinds
from .studies import room
from .studies import study as studies

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS_OF_PROGRESS = 60
"""Columns of a line of progress."""


def run(settings: Settings) -> pd.DataFrame:
    """Measure one job in this process and return its records, one row each (columns of `records.csv`).

    The numbers are those of `reslim train` at the same settings. The number of CPU threads is the caller's:
    `torch.set_num_threads(settings.threads)` makes them repeat bit for bit. Raises `SettingError` for a value out of
    range.
    """
    check_values(settings)
    require_files(settings)
    (settings,) = identity.filled([settings])
    its_study = studies.get(settings.study)
    require_engine(settings, its_study.uncompiled(settings))
    with computed_by(settings.engine):
        return table(settings, its_study.measure(Job(settings)).records)


def sweep(settings: Settings, **keys: Any) -> MeasuredRun:
    """Measure all combinations of some values of keys, one job after the other in this process, and judge the claims.

        run = rl.sweep(rl.Ode(), depth=[8, 16, 32, 64], seed=[0, 1], **{"train.lr": 0.2})

    A list, a tuple, a range or an array is swept over; all else holds for every job. The run lives in a folder as one
    of `reslim train` does (under `outputs`, else $RESLIM_OUTPUTS, else ./outputs), with the same numbers; that measures
    jobs side by side. A job that fails is warned of, and the others go on. A terminal or a notebook shows a line of
    progress.

    Raises `SettingError` or another `RequestError`, before anything is measured, for what cannot be.
    """
    require_settings(settings)
    parts = grid(settings, keys)
    for job in (job for part in parts for job in part.settings):
        _require(job)
    queued: Run | None = None
    for part in parts:
        jobs = [with_files(job) for job in part.settings]
        if queued is None:
            queued = Run.create(outputs_root(jobs[0].outputs), jobs, part.overrides, sys.argv)
        else:
            queued.add(jobs, part.overrides)
    assert queued is not None  # a grid has a part
    with _threads_as_before():
        for job in _with_progress({job.name: job for job in queued.jobs()}.values()):
            run_job(queued.path, job.settings)
    measured = MeasuredRun(queued.path)
    measured.collect(figures=False)
    for name, status in measured.look().statuses.items():
        if status.state != "finished":
            warnings.warn(f"job {name} {status.state}: {status.message}", stacklevel=2)
    return measured


def load_run(name: str | Path) -> MeasuredRun:
    """A run of `reslim train` or of `rl.sweep`: its records, claims, figures and report. Named as on the command line,
    by its folder, a beginning of its id, or `latest` (under $RESLIM_OUTPUTS, else ./outputs).

        run = rl.load_run("outputs/ode/2026-11-21_10-15-48_ad8a246f")
        run.verdicts, run.claims, run.records, run.figure("ode.forward.euler"), run.report()

    Raises `RunFolderError` where it is none, or its plan is damaged. Nothing in the folder is executed.
    """
    if not isinstance(name, (str, Path)):
        raise RunFolderError(f"a run is a folder, a beginning of its id, or latest; got {name!r}")
    return MeasuredRun(Run.find(outputs_root(None), str(name)).path)


class Verdicts(dict[str, str], InWords):
    """`supported`, `refuted` or `inconclusive` by the name of a claim."""

    def headline(self) -> str:
        """`5 claims: 4 supported, 1 inconclusive`."""
        return counted(self.values()) if self else "no claims"

    def facts(self) -> Self:
        """The verdict of each."""
        return self

    __repr__ = InWords.__repr__


@dataclass(frozen=True, repr=False)
class MeasuredRun(InWords, Run):
    """A run and what its finished jobs came to, as it was when that was first asked for; `load_run` looks again.

    A terminal and a notebook show its claims.
    """

    @functools.cached_property
    def _collection(self) -> CollectedRun:
        return collected(merge([self]))

    @property
    def records(self) -> pd.DataFrame:
        """Every number that was measured, a row each: `records.csv`, with its types."""
        return self._collection.records

    @property
    def claims(self) -> pd.DataFrame:
        """A row for each claim at each setting: its verdict, what was expected, what was measured and its interval.

        Columns `claim, (a column for each swept key), verdict, value, low, high, expected, tolerance, what, statement,
        why, group, source`.
        """
        from .report.publish import claim_document

        documents = [claim_document(self._collection.study, judgement) for judgement, _ in self._collection.judged]
        return pd.DataFrame(
            [
                {
                    "claim": document["id"],
                    **document["setting"],
                    "verdict": document["verdict"],
                    **{end: (document["measured"] or {}).get(end) for end in ("value", "low", "high")},
                    "expected": document["expected"]["value"],
                    "tolerance": document["expected"]["tolerance"],
                    "what": document["expected"]["what"],
                    **{key: document[key] for key in ("statement", "why", "group", "source")},
                }
                for document in documents
            ]
        )

    @property
    def verdicts(self) -> Verdicts:
        """`supported`, `refuted` or `inconclusive` by claim; where keys are swept by claim and setting,
        `ode.rough_init.hurst=0.3`. These are the names of figures, too."""
        from .figures.write import file_name

        judged = (judgement for judgement, _ in self._collection.judged)
        return Verdicts((file_name(judgement.claim.id, judgement.setting), judgement.verdict) for judgement in judged)

    def figure(self, name: str) -> Figure:
        """The figure of a claim (of a key of `verdicts`), drawn now; a notebook shows it, `.savefig(path)` keeps it.

        Raises `SettingError` for another name, and where nothing was measured for the claim.
        """
        from .figures.panels import claim_figure
        from .figures.style import styled
        from .figures.write import file_name
        from .report.publish import wording_of

        judged = {
            file_name(judged.claim.id, judged.setting): (judged, points) for judged, points in self._collection.judged
        }
        if name not in judged:
            raise SettingError(f"no figure {one_of(str(name), judged)}")
        judgement, points = judged[name]
        if points.empty:
            raise SettingError(f"{name}: there is nothing to draw: {judgement.why}")
        with styled():
            return claim_figure(judgement, points, wording_of(self._collection.study))

    def report(self) -> Path:
        """Write `report.html` with all figures and tables into the folder, and return its path."""
        self.collect(figures=True)
        return self.path / "report.html"

    def collect(self, *, figures: bool) -> Mapping[str, Any]:
        """Write what the folder shows of its jobs, and return the summary (`summary.json`)."""
        from .report.publish import collect

        return collect(self, figures=figures)

    def headline(self) -> str:
        """`run ..., 4 of 4 jobs finished, 5 claims: 5 supported`."""
        try:
            verdicts, statuses = self.verdicts, self.look().statuses.values()
        except RunFolderError as error:
            return f"run {self.id}: {error}"
        finished = sum(status.state == "finished" for status in statuses)
        return f"run {self.id}, {finished} of {len(statuses)} jobs finished, {verdicts.headline()}"

    def facts(self) -> dict[str, str]:
        """Of each claim its verdict, what was measured and what was expected."""
        from .figures.write import file_name

        try:
            judged = self._collection.judged
        except RunFolderError:
            return {}
        return {file_name(judgement.claim.id, judgement.setting): _in_a_line(judgement) for judgement, _ in judged}


def _in_a_line(judgement: Judgement) -> str:
    facts = judgement.facts()
    return f"{judgement.verdict:<12}  {facts['measured']}, expected {facts['expected']}"


def _require(settings: Settings) -> None:
    """Raise what a job would fail of, before anything is written."""
    check_values(settings)
    require_files(settings)
    for key, kind in kinds(type(settings)).items():
        option = getattr(settings, key)
        if option.name not in kind.options or kind.options[option.name] is not type(option):
            raise SettingError(
                f"{key}={option.name}: a run is kept on disk, and {type(option).__name__} stands in no file that it"
                f" could be read from; write it into {option.name}.py, then rl.use(['{option.name}.py']) and"
                f" {key}='{option.name}'"
            )
    if not settings.cluster.is_here:
        raise SettingError(
            f"cluster={settings.cluster.name}: a sweep from Python is measured in its own process; write cluster="
            "WorkstationCluster(), or let `reslim train` send the jobs"
        )
    if settings.device.startswith("cuda"):
        device.resolve(settings.device)
    if settings.sinks:
        from .sinks import installed

        installed.require_sinks(settings.sinks)
    its_study = studies.get(settings.study)
    its_study.chosen(settings.claims)
    require_engine(settings, its_study.uncompiled(settings))
    its_study.check(settings)
    room.check_room(its_study, settings)
    if isinstance(data := getattr(settings, "data", None), Data):
        identity.require_data(data)


@contextmanager
def _threads_as_before() -> Iterator[None]:
    """Jobs set the number of torch's threads; afterwards it is the caller's again."""
    import torch

    threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _with_progress(jobs: Collection[JobFolder]) -> Iterator[JobFolder]:
    """The jobs, and while each is worked on one line about it on a terminal or in a notebook; elsewhere nothing."""
    stream, start = sys.stderr, time.monotonic()
    is_read = stream is not None and (stream.isatty() or "ipykernel" in sys.modules)
    for done, job in enumerate(jobs):
        if is_read:
            words = f"job {done + 1} of {len(jobs)}, depth {job.settings.depth}, {duration(time.monotonic() - start)}"
            print(f"\r{words:<{COLUMNS_OF_PROGRESS}}", end="", file=stream, flush=True)
        yield job
    if is_read:
        print(f"\r{'':<{COLUMNS_OF_PROGRESS}}\r", end="", file=stream, flush=True)
