"""A run: one invocation and its folder `OUTPUTS/STUDY/DATE_TIME_ID/`.

config.yaml       the settings of all jobs: common values, and lists for the swept keys
overrides.txt     the overrides, a paragraph for each sweep (the first invocation, then what resuming added)
provenance.json   schema, commands, versions, revision, times
jobs/NAME/        see job.py
shared/           see shared.py
launcher/         what Hydra and its launcher write, and the process that launches
records.csv, summary.json, figures/        written each time the run is collected, see collect.py
"""

from __future__ import annotations

import math
import os
import secrets
import shutil
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from ..data import identity
from ..errors import OutputError, RunFolderError, one_of
from ..settings import Settings
from . import job as jobs
from . import provenance, scheduler
from . import status as states
from .files import beside as named_beside
from .files import make_folder, place, read_json, read_text, sweep, tail, write_json, write_text
from .status import Process, Status

SCHEMA = 1
TIME = "%Y-%m-%d_%H-%M-%S"
LAUNCHER = "launcher"
SUBMITIT = ".submitit"
"""Under `launcher/`: what submitit writes and reads, a folder each time that jobs are sent."""


def outputs_root(key: str | None) -> Path:
    """The folder of all runs: the key `outputs`, else $RESLIM_OUTPUTS, else ./outputs."""
    return place(key or os.environ.get("RESLIM_OUTPUTS") or "outputs")


@dataclass(frozen=True)
class JobFolder:
    """A job as its folder shows it."""

    path: Path
    settings: Settings
    status: Status

    @property
    def name(self) -> str:
        return self.path.name

    def refreshed(self) -> JobFolder:
        """The same job with the state that its folder shows now."""
        return replace(self, status=states.read(self.path))

    def last_log_lines(self, count: int = 5) -> list[str]:
        try:
            return tail(self.path / "log.txt")[-count:]
        except OSError:
            return []


@dataclass(frozen=True)
class _Launcher:
    """A process that launches jobs, and those that it has still to start."""

    process: Process
    jobs: tuple[str, ...]

    @classmethod
    def read(cls, document: Any) -> _Launcher | None:
        """The launcher that a document names; None where it names none."""
        try:
            process = Process.read({key: value for key, value in document.items() if key != "jobs"})
            return cls(process, tuple(str(job) for job in document["jobs"]))
        except (TypeError, AttributeError, KeyError):
            return None


@dataclass(frozen=True)
class Run:
    """A run folder."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def study(self) -> str:
        """What its jobs are of; without one that can be read, what the folder above is called."""
        found = (jobs.settings_of(path) for path in self._job_folders())
        return next((settings.study for settings in found if settings), self.path.parent.name)

    @property
    def started(self) -> float:
        """When it was made: seconds since 1970, and later than every run that was there (a clock may be set back)."""
        document = read_json(self.path / "provenance.json")
        number = document.get("started") if isinstance(document, dict) else None
        if isinstance(number, (int, float)):
            return float(min(number, sys.float_info.max))
        try:
            return time.mktime(time.strptime(self.id[:19], TIME))
        except (ValueError, OverflowError):
            return 0.0

    @classmethod
    def create(cls, root: Path, settings: Sequence[Settings], overrides: Sequence[str], command: Sequence[str]) -> Run:
        """A new run folder with its jobs queued; it appears whole, under a name of its own.

        Raises `OutputError` where it cannot be written.
        """
        parent = root / settings[0].study
        make_folder(parent)
        name = f"{time.strftime(TIME)}_{secrets.token_hex(4)}"
        beside = named_beside(parent / name)
        sweep(parent)
        document = {"schema": SCHEMA, "started": cls._later_than_all(root), "invocations": []}
        document["invocations"].append(provenance.invocation(command))
        try:
            beside.mkdir()
            write_json(beside / "provenance.json", document)
            cls(beside).add(settings, overrides)
            os.rename(beside, parent / name)
        except OSError as error:
            shutil.rmtree(beside, ignore_errors=True)
            raise OutputError(
                f"cannot write to {parent}: {error.strerror}; choose another folder with outputs=..."
            ) from None
        return cls(parent / name)

    @classmethod
    def _later_than_all(cls, root: Path) -> float:
        latest = max((run.started for run in cls.all(root)), default=0.0)
        return max(time.time(), math.nextafter(latest, math.inf))

    @classmethod
    def open(cls, path: Path) -> Run:
        """The run in this folder. Raises `RunFolderError` where it is none, or one of another schema."""
        document = read_json(path / "provenance.json")
        invocations = document.get("invocations") if isinstance(document, dict) else None
        if not invocations or not isinstance(invocations, list) or not all(isinstance(i, dict) for i in invocations):
            raise RunFolderError(f"{path} is not a run folder (no readable provenance.json)")
        if document.get("schema") != SCHEMA:
            raise RunFolderError(
                f"{path} has run-folder schema {document.get('schema')!r}; this version of reslim reads schema {SCHEMA}"
            )
        return cls(path.absolute())

    @classmethod
    def find(cls, root: Path, name: str) -> Run:
        """The run that a user means: a folder, a unique beginning of its id, or `latest`."""
        if os.path.isdir(name) and (os.sep in name or (Path(name) / "provenance.json").exists()):
            return cls.open(Path(name))
        runs = cls.all(root)
        if not name:
            raise RunFolderError("a run is a folder, a beginning of its id, or latest; got nothing")
        if name == "latest":
            if not runs:
                raise RunFolderError(f"there is no run under {root}")
            return runs[-1]
        found = [run for run in runs if run.id.startswith(name) or run.id.rsplit("_", 1)[-1].startswith(name)]
        if len(found) == 1:
            return found[0]
        if found:
            raise RunFolderError(f"'{name}' begins {len(found)} runs: {', '.join(run.id for run in found[:5])}")
        raise RunFolderError(f"no run {one_of(name, ['latest', *(run.id for run in runs[-4:])])} (looked under {root})")

    @classmethod
    def all(cls, root: Path) -> list[Run]:
        """Every run under the folder of all runs, oldest first."""
        found = []
        for path in root.glob("*/*/provenance.json"):
            if not path.parent.name.startswith("."):
                try:
                    found.append(cls.open(path.parent))
                except RunFolderError:
                    continue
        return sorted(found, key=lambda run: (run.started, run.id))

    def add(self, settings: Sequence[Settings], overrides: Sequence[str]) -> None:
        """Queue the jobs of one sweep and note its overrides, and where the data come from."""
        (self.path / "jobs").mkdir(exist_ok=True)
        settings = identity.filled(settings)
        for its in settings:
            jobs.queue(self.path, its)
        self._note_data(settings)
        paragraphs = self.sweeps()
        if list(overrides) not in paragraphs:
            text = "\n\n".join("\n".join(p) if p else "# the defaults" for p in [*paragraphs, list(overrides)])
            write_text(self.path / "overrides.txt", text + "\n")
        merged = _merged([asdict(job.settings) for job in self.jobs()])
        write_text(self.path / "config.yaml", yaml.safe_dump(merged, sort_keys=False))

    def note(self, command: Sequence[str]) -> None:
        """Add an invocation (a resume) to the provenance."""
        document = read_json(self.path / "provenance.json")
        document["invocations"].append(provenance.invocation(command))
        write_json(self.path / "provenance.json", document)

    def _note_data(self, settings: Sequence[Settings]) -> None:
        """Add to the provenance where the data of these jobs come from, by their digest."""
        document = read_json(self.path / "provenance.json")
        known = document.get("data")
        known = known if isinstance(known, dict) else {}
        document["data"] = known | {
            digest: its for digest, its in identity.described(settings).items() if digest not in known
        }
        write_json(self.path / "provenance.json", document)

    def data(self) -> dict[str, str]:
        """Where the data of its jobs come from, in words, by their digest; only what the provenance can say."""
        document = read_json(self.path / "provenance.json")
        noted = document.get("data") if isinstance(document, dict) else None
        noted = noted if isinstance(noted, dict) else {}
        return {digest: identity.in_words(its) for digest, its in noted.items() if isinstance(its, dict)}

    def note_jobs(self) -> None:
        """Add to the provenance what the jobs say: seeds, threads, devices, warnings, and when it was collected."""
        from ..studies import study

        jobs = self.jobs()
        warnings = (line for job in jobs for line in study.get(job.settings.study).all_warnings(job.settings))
        document = read_json(self.path / "provenance.json")
        document |= {
            "seeds": sorted({job.settings.seed for job in jobs}),
            "threads": sorted({job.settings.threads for job in jobs}),
            "devices": sorted({job.status.device for job in jobs} - {""}),
            "warnings": list(dict.fromkeys(warnings)),
            "collected": provenance.now(),
        }
        write_json(self.path / "provenance.json", document)

    def version(self) -> str:
        """The version of reslim that ran last."""
        packages = read_json(self.path / "provenance.json")["invocations"][-1].get("packages")
        return str(packages.get("reslim", "unknown")) if isinstance(packages, dict) else "unknown"

    def sweeps(self) -> list[list[str]]:
        """The overrides of each sweep of this run; none where `overrides.txt` is missing or no text."""
        try:
            text = read_text(self.path / "overrides.txt")
        except (OSError, ValueError):
            return []
        paragraphs = [p.splitlines() for p in text.strip().split("\n\n") if p.strip()]
        return [[line for line in p if not line.startswith("#")] for p in paragraphs]

    def jobs(self, *, verify: bool = False) -> list[JobFolder]:
        """The jobs by increasing depth. A folder whose settings cannot be read, or are not its own, is left out.

        With `verify` the files of finished jobs are held against their digests; a damaged job counts as lost.
        """
        found = []
        for path in self._job_folders():
            if (settings := jobs.settings_of(path)) is not None:
                status = states.read(path)
                found.append(JobFolder(path, settings, states.verified(path, status) if verify else status))
        return sorted(found, key=lambda j: (j.settings.depth, j.name))

    def _job_folders(self) -> list[Path]:
        """What lies under `jobs/`; not links, which may lead anywhere."""
        return [path for path in (self.path / "jobs").glob("*") if not path.is_symlink()]

    def launched(self, pid: int, jobs: Sequence[str]) -> None:
        """Note a process of this host that launches jobs, and which it has still to start; those gone are forgotten."""
        for path, launcher in self._launchers():
            if launcher is None or (launcher.process.is_here and launcher.process.is_gone(0.0)):
                path.unlink(missing_ok=True)
        document = {**asdict(Process.of(pid, self.path)), "jobs": list(jobs)}
        write_json(self.path / LAUNCHER / f"process-{pid}.json", document)

    def is_launching(self) -> bool:
        """Whether a process that launches jobs of this folder is alive on this host."""
        return any(True for _ in self._alive())

    def launching(self) -> set[str]:
        """The jobs that processes on this host have still to start."""
        return {job for launcher in self._alive() for job in launcher.jobs}

    def _alive(self) -> Iterator[_Launcher]:
        for _, launcher in self._launchers():
            if launcher and launcher.process.is_here and not launcher.process.is_gone(0.0, self.path):
                yield launcher

    def _launchers(self) -> list[tuple[Path, _Launcher | None]]:
        its = (self.path / LAUNCHER).glob("process-*.json")
        return [(path, _Launcher.read(read_json(path))) for path in its]

    def held(self, jobs: Collection[str]) -> set[str]:
        """Those of these jobs that somebody will start, or runs: a launcher on this host, or a scheduler."""
        return self.launching() & set(jobs) | scheduler.held(self.path, jobs)

    def state(self) -> str:
        """`finished`, `running`, `failed` (a job failed, none runs) or `interrupted` (jobs lost or not started)."""
        jobs = self.jobs()
        its = {j.status.state for j in jobs}
        if "running" in its or self.held([j.name for j in jobs if j.status.state == "queued"]):
            return "running"
        if its == {"finished"}:
            return "finished"
        return "interrupted" if its & {"lost", "queued"} or not its else "failed"


def _merged(values: Sequence[Any]) -> Any:
    """Several nested configurations as one: a list where they differ."""
    if all(isinstance(value, dict) for value in values):
        names = dict.fromkeys(name for value in values for name in value)
        return {name: _merged([value[name] for value in values if name in value]) for name in names}
    different = [value for i, value in enumerate(values) if value not in values[:i]]
    return different[0] if len(different) == 1 else different
