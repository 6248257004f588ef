"""The installed command in a process of its own, as a user starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

# Small, and of four depths: a claim can be judged. One claim, because each costs three figures.
TINY = ("preset=smoke", "ode.paths=1", "ode.inputs=2", "width=4", "device=cpu", "claims=[ode.reversed.euler]")


def command() -> list[str]:
    """The entry point `reslim` of this environment."""
    (entry,) = metadata.entry_points(group="console_scripts", name="reslim")
    program = f"import sys; sys.argv[0] = 'reslim'; from {entry.module} import {entry.attr}; sys.exit({entry.attr}())"
    return [sys.executable, "-P", "-c", program]  # as the script, which does not import from the working folder


@dataclass(frozen=True)
class Answer:
    """What the command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)

    def done(self) -> Answer:
        assert self.code == 0, f"exit code {self.code}\n{self.out}\n{self.err}"
        return self


@dataclass(frozen=True)
class Reslim:
    """The command with a folder of runs of its own."""

    outputs: Path
    variables: dict[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        # Wide, so that a line of a message is a line of output.
        return {**os.environ, "RESLIM_OUTPUTS": str(self.outputs), "COLUMNS": "300", "NO_COLOR": "1", **self.variables}

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, "text": True}
        return subprocess.Popen([*command(), *arguments], env=self.environment(), **{**pipes, **options})

    def __call__(self, *arguments: str, **options: Any) -> Answer:
        process = self.start(*arguments, **options)
        out, err = process.communicate(timeout=120)
        return Answer(process.returncode, out, err)

    def runs(self) -> list[Path]:
        folders = (path.parent for path in self.outputs.glob("*/*/provenance.json"))
        return sorted(run for run in folders if not run.name.startswith("."))  # one that is being made has a dot


def without_seconds(records: Path) -> list[list[str]]:
    """The cells of records.csv, as text, without the one column that does not repeat."""
    lines = [line.split(",") for line in records.read_text().splitlines()]
    at = lines[0].index("seconds")
    return [line[:at] + line[at + 1 :] for line in lines]


def wait_for(condition, seconds=60.0):
    """What `condition()` returns once that is true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := condition():
            return answer
        time.sleep(0.01)
    raise AssertionError("it did not happen in time")
