"""A run: one invocation and its folder `OUTPUTS/STUDY/DATE_TIME_ID/`.

plan.json         what the run is: its study, its sweeps and the names of their jobs, see planned.py
config.yaml       for people: the settings of all jobs, common values, and lists for the swept keys
overrides.txt     for people: the overrides, a paragraph for each sweep (the first, then what resuming added)
provenance.json   commands, versions, revision, times
jobs/NAME/        see job.py
shared/           see shared.py
launcher/         what Hydra and its launcher write, and the process that launches
records.csv, summary.json, figures/        written each time the run is collected, see report/publish.py
"""

from __future__ import annotations

import hashlib
import math
import os
import re
import secrets
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from ..data import identity
from ..errors import OutputError, RunFolderError, one_of
from ..files import beside as named_beside
from ..files import new_folder, place, read_json, read_text, remove_leftovers, write_json, write_text
from ..settings.base import Settings
from ..settings.choices import files_of
from ..settings.content import job_name
from . import planned, provenance, scheduler
from . import status as states
from .job_folder import LAUNCHER, JobFolder, queue, settings_of
from .planned import RUN_SCHEMA, Planned, Sweep
from .status import Process, Status

TIME_FORMAT = "%Y-%m-%d_%H-%M-%S"
RUN_ID = re.compile(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_[0-9a-f]{8}")
SUBMITIT = ".submitit"
"""Under `launcher/`: what submitit writes and reads, a folder each time that jobs are sent."""


def outputs_root(key: str | None) -> Path:
    """The folder of all runs: the key `outputs`, else $RESLIM_OUTPUTS, else ./outputs."""
    return place(key or os.environ.get("RESLIM_OUTPUTS") or "outputs")


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
class JobsInFolder:
    """What a run folder shows: the planned jobs by depth, those whose folders are missing or damaged (lost, with the
    reason), and the names of folders that were not planned, which do not count.
    """

    jobs: list[JobFolder]
    lost: dict[str, Status]
    strays: list[str]

    @property
    def statuses(self) -> dict[str, Status]:
        """The status of every planned job, by depth."""
        statuses = {job.name: job.status for job in self.jobs} | self.lost
        return {name: statuses[name] for name in sorted(statuses, key=planned.by_depth)}


@dataclass(frozen=True)
class Run:
    """A run folder."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def planned(self) -> Planned:
        """What it is to do. Raises `RunFolderError` where that cannot be known for certain."""
        return planned.read_plan(self.path)

    @property
    def study(self) -> str:
        return self.planned.study

    @property
    def started(self) -> float:
        """When it was made: seconds since 1970, and later than every run that was there (a clock may be set back).

        A plan that is damaged, or names a time that cannot be, leaves the date in the name of the folder.
        """
        document = read_json(self.path / planned.PLAN_FILE)
        number = document.get("started") if isinstance(document, dict) else None
        if planned.is_time(number):
            return float(number)
        try:
            dated = time.mktime(time.strptime(self.id[:19], TIME_FORMAT))
        except (ValueError, OverflowError):
            return 0.0
        return dated if planned.is_time(dated) else 0.0

    @classmethod
    def create(cls, root: Path, settings: Sequence[Settings], overrides: Sequence[str], command: Sequence[str]) -> Run:
        """A new run folder with its jobs queued; it appears whole, under a name of its own, or leaves nothing.

        Raises `OutputError` where it cannot be written.
        """
        parent = root / settings[0].study
        name = f"{time.strftime(TIME_FORMAT)}_{secrets.token_hex(4)}"
        document = {"schema": RUN_SCHEMA, "invocations": [provenance.invocation(command)]}
        plan = Planned(settings[0].study, cls._later_than_all(root))
        try:
            with new_folder(named_beside(parent / name)) as beside:
                remove_leftovers(parent)
                write_json(beside / "provenance.json", document)
                cls(beside)._add(plan, settings, overrides)
                os.rename(beside, parent / name)
        except OSError as error:
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
        """The run in this folder. Raises `RunFolderError` where it is none, is damaged, or of another schema."""
        planned.read_plan(path)
        return cls(path.absolute())

    @classmethod
    def find(cls, root: Path, name: str) -> Run:
        """The run that a user means: a folder, a unique beginning of its id, or `latest`.

        Raises `RunFolderError` where there is none, or where it is damaged.
        """
        return cls.open(cls.named(root, name).path)

    @classmethod
    def named(cls, root: Path, name: str) -> Run:
        """The same; its plan may be damaged."""
        if os.path.isdir(name) and (os.sep in name or cls._is_one(Path(name))):
            return cls(Path(name).absolute())
        runs = cls.all(root)
        if not name:
            raise RunFolderError("a run is a folder, a beginning of its id, or latest; got nothing")
        if not runs:
            raise RunFolderError(f"there is no run under {root}")
        if name == "latest":
            return runs[-1]
        candidates = [run for run in runs if run.id.startswith(name) or run.id.rsplit("_", 1)[-1].startswith(name)]
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            raise RunFolderError(
                f"'{name}' begins {len(candidates)} runs: {', '.join(run.id for run in candidates[:5])}"
            )
        raise RunFolderError(f"no run {one_of(name, ['latest', *(run.id for run in runs[-4:])])} (looked under {root})")

    @classmethod
    def all(cls, root: Path) -> list[Run]:
        """Every run under the folder of all runs, oldest first, also what is damaged or of another schema."""
        runs = [cls(path.absolute()) for path in root.glob("*/*") if cls._is_one(path)]
        return sorted(runs, key=lambda run: (run.started, run.id))

    @staticmethod
    def _is_one(folder: Path) -> bool:
        """Whether a folder is that of a run, whatever has become of it: it holds a plan, or is called like a run."""
        if folder.name.startswith(".") or not folder.is_dir():
            return False
        return (folder / planned.PLAN_FILE).exists() or RUN_ID.fullmatch(folder.name) is not None

    def add(self, settings: Sequence[Settings], overrides: Sequence[str]) -> None:
        """Queue the jobs of one sweep and note its overrides, and where the data come from."""
        self._add(self.planned, settings, overrides)

    def _add(self, plan: Planned, settings: Sequence[Settings], overrides: Sequence[str]) -> None:
        """The plan comes first: whoever ends in between has planned what is missing."""
        settings = identity.filled(settings)
        new = {job_name(job): job for job in settings}
        known = {job.name: job.settings for job in self._seen(plan.jobs).jobs} | new
        values = merged([asdict(known[name]) for name in sorted(known, key=planned.by_depth)])
        config = yaml.safe_dump(values, sort_keys=False)
        plan = plan.adding(Sweep(tuple(overrides), tuple(new)), _sha256(config), _parts(settings))
        planned.write_plan(self.path, plan)
        (self.path / "jobs").mkdir(exist_ok=True)
        for job in settings:
            queue(self.path, job)
        self._note_data(settings)
        write_text(self.path / "overrides.txt", _paragraphs(plan.sweeps))
        write_text(self.path / "config.yaml", config)

    def provenance(self) -> dict[str, Any]:
        """`provenance.json` with the invocations that can be read; a new one, which says so, where there is none."""
        document = read_json(self.path / "provenance.json")
        if not isinstance(document, dict) or not isinstance(document.get("invocations"), list):
            document = {"schema": RUN_SCHEMA, "lost": "what was noted before is missing or damaged", "invocations": []}
        return document | {
            "invocations": [invocation for invocation in document["invocations"] if isinstance(invocation, dict)]
        }

    def note(self, command: Sequence[str]) -> None:
        """Add an invocation (a resume) to the provenance."""
        document = self.provenance()
        document["invocations"].append(provenance.invocation(command))
        write_json(self.path / "provenance.json", document)

    def _note_data(self, settings: Sequence[Settings]) -> None:
        """Add to the provenance where the data of these jobs come from, by their digest."""
        document = self.provenance()
        known = document.get("data")
        known = known if isinstance(known, dict) else {}
        document["data"] = known | {
            digest: document for digest, document in identity.origins_of_data(settings).items() if digest not in known
        }
        write_json(self.path / "provenance.json", document)

    def data(self) -> dict[str, str]:
        """Where the data of its jobs come from, in words, by their digest; only what the provenance can say."""
        noted = self.provenance().get("data")
        noted = noted if isinstance(noted, dict) else {}
        return {digest: identity.in_words(document) for digest, document in noted.items() if isinstance(document, dict)}

    def note_jobs(self) -> None:
        """Add to the provenance what the jobs say: seeds, threads, devices, engines, their ways, warnings, and when."""
        from ..studies import study

        jobs = self.jobs()
        warnings = (line for job in jobs for line in study.get(job.settings.study).all_warnings(job.settings))
        document = self.provenance()
        document |= {
            "seeds": sorted({job.settings.seed for job in jobs}),
            "threads": sorted({job.settings.threads for job in jobs}),
            "devices": sorted({job.status.device for job in jobs} - {""}),
            "engines": sorted({name for job in jobs for name in job.status.engine.split(", ")} - {""}),
            "ways": sorted({job.status.way for job in jobs if job.status.engine} - {""}),
            "warnings": list(dict.fromkeys(warnings)),
            "collected": provenance.now(),
        }
        write_json(self.path / "provenance.json", document)

    def version(self) -> str:
        """The version of reslim that ran last."""
        invocations = self.provenance()["invocations"]
        packages = invocations[-1].get("packages") if invocations else None
        return str(packages.get("reslim", "unknown")) if isinstance(packages, dict) else "unknown"

    def sweeps(self) -> list[list[str]]:
        """The overrides of each sweep of this run."""
        return [list(sweep.overrides) for sweep in self.planned.sweeps]

    def edited(self) -> str:
        """What `overrides.txt` asks for that was not planned, or misses, in words; empty where it says what the plan
        says, or nothing that can be read. A client that ended while it added a sweep leaves out the last ones."""
        written, sweeps = self._overrides(), self.planned.sweeps
        if written is None or written in (_read(_paragraphs(sweeps[:n])) for n in range(1, len(sweeps) + 1)):
            return ""
        lines = {line for paragraph in _read(_paragraphs(sweeps)) for line in paragraph}
        new = [line for paragraph in written for line in paragraph if line not in lines]
        return f"'{new[0]}' was not planned" if new else "it lacks what was planned"

    def remarks(self) -> list[str]:
        """What is wrong with the files that results do not depend on, a sentence each."""
        remarks = []
        if self._overrides() is None:
            remarks.append("overrides.txt is missing or damaged; plan.json says what was planned")
        elif edited := self.edited():
            remarks.append(f"overrides.txt was edited ({edited}); it is not obeyed, plan.json says what was planned")
        try:
            same = _sha256(read_text(self.path / "config.yaml")) == self.planned.config
        except (OSError, ValueError):
            same = False
        if not same:
            remarks.append("config.yaml is missing, or not what was planned; jobs go by their own")
        if not self.provenance()["invocations"]:
            remarks.append("provenance.json is missing or damaged; commands and versions are not known")
        return remarks

    def _overrides(self) -> list[list[str]] | None:
        """The paragraphs of `overrides.txt`; None where it is missing, empty, or no text."""
        try:
            return _read(read_text(self.path / "overrides.txt")) or None
        except (OSError, ValueError):
            return None

    def look(self, *, verify: bool = False, since: int | None = None) -> JobsInFolder:
        """The planned jobs as their folders show them.

        With `verify` the files of finished jobs are held against their digests, those that were changed after `since`
        (nanoseconds; None: all); a damaged job counts as lost. Raises `RunFolderError` where the plan is damaged.
        """
        return self._seen(self.planned.jobs, verify=verify, since=since)

    def glance(self) -> JobsInFolder:
        """The same, quickly: of finished jobs only files that were touched since the last collection are read."""
        try:
            since = (self.path / "records.csv").stat().st_mtime_ns
        except OSError:
            since = None
        return self.look(verify=True, since=since)

    def remains(self) -> list[JobFolder]:
        """The jobs of all folders that can be read, whatever was planned: what a run with a damaged plan can show."""
        return self._seen([path.name for path in self._job_folders()]).jobs

    def _seen(self, names: Sequence[str], *, verify: bool = False, since: int | None = None) -> JobsInFolder:
        folders = {path.name: path for path in self._job_folders()}
        jobs, lost = [], {}
        for name in names:
            path = folders.get(name)
            if path is None:
                lost[name] = Status("lost", message="its folder is missing")
                continue
            status = states.read_status(path)
            if (settings := settings_of(path)) is not None:
                jobs.append(JobFolder(path, settings, states.verified(path, status, since) if verify else status))
            else:
                lost[name] = replace(
                    status, message=_unread(path), state="running" if status.state == "running" else "lost"
                )
        jobs.sort(key=lambda j: (j.settings.depth, j.name))
        strays = sorted(name for name in set(folders) - set(names) if not name.startswith("."))
        return JobsInFolder(jobs, lost, strays)

    def jobs(self, *, verify: bool = False) -> list[JobFolder]:
        """The planned jobs whose folders can be read, by increasing depth; see `look`."""
        return self.look(verify=verify).jobs

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
        paths = (self.path / LAUNCHER).glob("process-*.json")
        return [(path, _Launcher.read(read_json(path))) for path in paths]

    def held(self, jobs: Collection[str]) -> set[str]:
        """Those of these jobs that somebody will start, or runs: a launcher on this host, or a scheduler."""
        return self.launching() & set(jobs) | scheduler.tasks_held(self.path, jobs)

    def state(self, seen: JobsInFolder | None = None) -> str:
        """`finished`, `running`, `failed` (a job failed, none runs) or `interrupted` (jobs lost or not started)."""
        seen = seen or self.glance()
        return self.state_of(seen.statuses)

    def state_of(self, statuses: Mapping[str, Status]) -> str:
        """The state of a run whose jobs have these statuses."""
        states_seen = {status.state for status in statuses.values()}
        if "running" in states_seen or self.held(
            [name for name, status in statuses.items() if status.state == "queued"]
        ):
            return "running"
        if states_seen == {"finished"}:
            return "finished"
        return "interrupted" if states_seen & {"lost", "queued"} or not states_seen else "failed"


def _parts(settings: Sequence[Settings]) -> set[str]:
    """The files of a user's own that these jobs need: those that they are made with, and those that draw figures."""
    made = {label for job in settings if job.parts for label in job.parts.split("+")}
    names = {label.partition("-")[0] for label in made}
    return made | {file.stem for job in settings for file in files_of(job)} - names


def _unread(folder: Path) -> str:
    """Why a job folder does not count, in words."""
    if not folder.is_dir():
        return "its folder is none"
    if not any(folder.iterdir()):
        return "its folder is empty"
    return "its config.yaml is missing, damaged, or of another version of reslim"


def _paragraphs(sweeps: Sequence[Sweep]) -> str:
    """What `overrides.txt` says of some sweeps."""
    return "\n\n".join("\n".join(sweep.overrides) or "# the defaults" for sweep in sweeps) + "\n"


def _read(text: str) -> list[list[str]]:
    """The lines of each paragraph, without comments."""
    paragraphs = [p.splitlines() for p in text.strip().split("\n\n") if p.strip()]
    return [[line for line in p if not line.startswith("#")] for p in paragraphs]


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def merged(values: Sequence[Any]) -> Any:
    """Several nested configurations as one: a list where they differ."""
    if all(isinstance(value, dict) for value in values):
        names = dict.fromkeys(name for value in values for name in value)
        return {name: merged([value[name] for value in values if name in value]) for name in names}
    different = [value for i, value in enumerate(values) if value not in values[:i]]
    return different[0] if len(different) == 1 else different
