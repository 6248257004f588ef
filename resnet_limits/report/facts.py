"""What was asked and where it ran, read from run folders: text only, whatever the files hold.

A run folder may come from anywhere, so nothing here relies on the shape of `provenance.json`: what has another shape
than `runs/provenance.py` writes is left out.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from ..files import read_json
from ..runs.folder import Run
from ..runs.job_folder import JobFolder
from ..settings.keys import describe


@dataclass(frozen=True)
class RunFacts:
    """One run: its id, folder and state, the commands that made it, its sweeps, and facts by label."""

    id: str
    path: str
    state: str
    commands: list[str]
    sweeps: list[list[str]]
    facts: dict[str, str]


def run_facts(run: Run) -> RunFacts:
    document = read_json(run.path / "provenance.json")
    document = document if isinstance(document, dict) else {}
    invocations = [i for i in _list(document.get("invocations")) if isinstance(i, dict)]
    last = invocations[-1] if invocations else {}
    packages, git = _mapping(last.get("packages")), _mapping(last.get("git"))
    facts = {
        "started": _text(invocations[0].get("time")) if invocations else "",
        "collected": _text(document.get("collected")),
        "host": ", ".join(dict.fromkeys(_text(i.get("host")) for i in invocations)),
        "platform": _text(last.get("platform")),
        "CPUs": _text(last.get("cpus")),
        "devices": ", ".join(map(_text, _list(document.get("devices")))),
        "engines": ", ".join(map(_text, _list(document.get("engines")))),
        "threads a job": ", ".join(map(_text, _list(document.get("threads")))),
        "data": "; ".join(f"{digest}: {words}" for digest, words in run.data().items()),
        "seeds": ", ".join(map(_text, _list(document.get("seeds")))),
        "python": _text(last.get("python")),
        "packages": ", ".join(f"{_text(name)} {_text(version)}" for name, version in packages.items()),
        "warnings": "; ".join(map(_text, _list(document.get("warnings")))),
        "git revision": _revision(git) if git else "",
    }
    commands = [_command(_list(i.get("command"))) for i in invocations]
    return RunFacts(run.id, str(run.path), run.state(), commands, run.sweeps(), {k: v for k, v in facts.items() if v})


@dataclass(frozen=True)
class KeyValues:
    """One key: its meaning and the values that the jobs have, more than one where it is swept."""

    key: str
    values: list[str]
    meaning: str


def resolved_settings(jobs: Sequence[JobFolder]) -> list[KeyValues]:
    """Every key of the jobs with its values."""
    facts: dict[str, KeyValues] = {}
    for job in jobs:
        for entry in describe(job.settings):
            fact = facts.setdefault(entry.key, KeyValues(entry.key, [], str(entry.field.metadata.get("meaning", ""))))
            value = "null" if entry.value is None else _text(entry.value)
            if value not in fact.values:
                fact.values.append(value)
    return list(facts.values())


def _command(words: Iterable[Any]) -> str:
    first, *rest = [_text(word) for word in words] or [""]
    return shlex.join([PurePath(first).name, *rest])


def _revision(git: Mapping[str, Any]) -> str:
    return _text(git.get("revision"))[:12] + (" with local changes" if git.get("dirty") else "")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_text, value)) + "]"
    return "" if value is None else str(value)
