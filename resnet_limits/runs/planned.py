"""What a run is to do, as it was planned: `plan.json`, with a digest of its own.

    {"schema": 2, "study": "ode", "started": 1764000000.0, "config": SHA-256 of config.yaml, "parts": [],
     "sweeps": [{"overrides": ["depth=4,8"], "jobs": ["4-1f0c2a9d3b", "8-..."]}], "digest": SHA-256 of all this}

A run is what its plan says, whatever else has become of its folder. `overrides.txt` and `config.yaml` are there to be
read by people: they are compared with the plan, and not obeyed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeGuard

from .. import own
from ..errors import RunFolderError
from ..files import read_json, write_json
from ..settings.registry import STUDIES

RUN_SCHEMA = 2
"""Of the run folder: what lies where in it."""
PLAN_FILE = "plan.json"
JOB_NAME = re.compile(r"\d{1,9}-[0-9a-f]{10}")
LATEST_START = 32_503_680_000.0
"""The year 3000: no run was made later than that, whatever a document says."""


class OtherSchema(RunFolderError):
    """A run folder of another schema."""


class MissingFiles(RunFolderError):
    """A run that was made with files of a user's own, which were not named."""


@dataclass(frozen=True)
class Sweep:
    """Overrides, and the names of the jobs that they made, in order."""

    overrides: tuple[str, ...]
    jobs: tuple[str, ...]


@dataclass(frozen=True)
class Planned:
    """The study and the sweeps of a run, and the time that orders runs (seconds since 1970)."""

    study: str
    started: float
    sweeps: tuple[Sweep, ...] = ()
    config: str = ""
    """SHA-256 of `config.yaml`."""
    parts: tuple[str, ...] = ()
    """The files of a user's own that its jobs need: NAME-DIGEST of one that they are made with, NAME of one that draws
    a figure. They are asked for, and never imported because they stand here."""

    @property
    def jobs(self) -> list[str]:
        """The names of all jobs, each once, by depth."""
        names = {name for sweep in self.sweeps for name in sweep.jobs}
        return sorted(names, key=by_depth)

    def adding(self, sweep: Sweep, config: str, parts: Iterable[str] = ()) -> Planned:
        """The same with one more sweep, unless it is there already."""
        sweeps = self.sweeps if sweep in self.sweeps else (*self.sweeps, sweep)
        return replace(self, sweeps=sweeps, config=config, parts=tuple(sorted({*self.parts, *parts})))

    def missing_files(self) -> str:
        """What is said where files of a user's own were not named that the run was made with; empty where all were."""
        named = {file.stem for file in own.files()}
        missing = [label for label in self.parts if label.partition("-")[0] not in named]
        if not missing:
            return ""
        files = " ".join(f"--with {name}.py" for name in dict.fromkeys(label.partition("-")[0] for label in missing))
        return f"made with files of your own ({', '.join(missing)}): name them again, {files}"

    def changed_files(self) -> dict[str, str]:
        """The files that its jobs were made with and that are others now: NAME-DIGEST of then, and of now."""
        named = {file.stem: file.label for file in own.files()}
        then = {label: named.get(label.partition("-")[0]) for label in self.parts if "-" in label}
        return {label: now for label, now in then.items() if now not in (None, label)}


def by_depth(name: str) -> tuple[int, str]:
    """The key by which names of jobs are sorted."""
    return depth_of(name), name


def depth_of(name: str) -> int:
    """The depth of a job: its name begins with it."""
    return int(name.split("-", 1)[0])


def is_time(number: Any) -> TypeGuard[float]:
    """Whether a number of a document may be the time at which a run was made."""
    return isinstance(number, (int, float)) and not isinstance(number, bool) and 0 <= number < LATEST_START


def digest_of_document(document: Mapping[str, Any]) -> str:
    """SHA-256 of a document, however it was laid out."""
    return hashlib.sha256(json.dumps(document, sort_keys=True, allow_nan=False).encode()).hexdigest()


def write_plan(folder: Path, planned: Planned) -> None:
    document = {"schema": RUN_SCHEMA, **asdict(planned)}
    write_json(folder / PLAN_FILE, {**document, "digest": digest_of_document(document)})


def read_plan(folder: Path) -> Planned:
    """The plan of a run. Raises `RunFolderError` where there is none, one that was changed, or of another schema."""
    document = read_json(folder / PLAN_FILE)
    schema = _schema(folder, document)
    if schema is not None and schema != RUN_SCHEMA:
        raise OtherSchema(
            f"{folder} has run-folder schema {schema!r}; this version of reslim reads schema {RUN_SCHEMA}"
        )
    if not (folder / PLAN_FILE).exists():
        if not (folder / "jobs").is_dir():
            raise RunFolderError(f"{folder} is not a run folder (it has no {PLAN_FILE})")
        raise _damaged(folder, "is missing")
    if not isinstance(document, dict):
        raise _damaged(folder, "cannot be read")
    content = {key: value for key, value in document.items() if key != "digest"}
    try:
        if document.get("digest") != digest_of_document(content):
            raise _damaged(folder, "was changed: its digest is another one")
        sweeps = [Sweep(_words(sweep["overrides"]), _words(sweep["jobs"])) for sweep in document["sweeps"]]
        parts = _words(document.get("parts", []))
        planned = Planned(document["study"], document["started"], tuple(sweeps), str(document["config"]), parts)
        names = [name for sweep in sweeps for name in sweep.jobs]
        if missing := planned.missing_files():
            raise MissingFiles(f"{folder} was {missing}")
        if planned.study not in STUDIES or not names or not all(JOB_NAME.fullmatch(name) for name in names):
            raise ValueError
    except (KeyError, TypeError, ValueError, RecursionError):
        raise _damaged(folder, "is no plan of this version of reslim") from None
    return planned


def _schema(folder: Path, document: Any) -> Any:
    """What a folder says of its schema; older ones said it in `provenance.json`."""
    if document is None and not (folder / PLAN_FILE).exists():
        document = read_json(folder / "provenance.json")
    return document.get("schema") if isinstance(document, dict) else None


def _words(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise TypeError
    return tuple(values)


def _damaged(folder: Path, how: str) -> RunFolderError:
    return RunFolderError(
        f"{folder / PLAN_FILE} {how}: what the run was to do is not known for certain. Put the file back from a"
        f" copy, or "
        "start another run"
    )
