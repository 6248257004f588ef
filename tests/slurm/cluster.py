"""The SLURM of these tests, as its own commands show it, and the small runs that are sent there."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cli.command import TINY, Reslim

SMALL = TINY
"""A job of a moment: most of it is the start of Python."""

TRAINING = (
    *("preset=smoke", "width=4", "device=cpu", "claims=[ode.trained]", "activation=tanh", "depth=2"),
    *("train.replicas=1", "train.lr=0.05", "train.checkpoint_seconds=1000"),
)
"""A training job that saves its state only when it is told to; `train.epochs` says how long it takes."""

SLURM = ("cluster=slurm", "cluster.memory=1")


def depths(*numbers: int) -> str:
    return f"depth={','.join(str(n) for n in numbers)}"


def wait_for(condition: Callable[[], Any], what: str, seconds: float = 60.0) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := condition():
            return answer
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds:.0f} s: {what}")


@dataclass(frozen=True)
class Cluster:
    """SLURM, running in a folder."""

    folder: Path
    accounting: bool

    @property
    def variables(self) -> dict[str, str]:
        # The short time without a sign of life is the patience with a queue that holds nothing, too.
        return {"SLURM_CONF": str(self.folder / "slurm.conf"), "RESLIM_LOST_AFTER": "6"}

    def __call__(self, *command: str) -> list[str]:
        """The lines that a command of SLURM answers."""
        answer = subprocess.run(
            command, env={**os.environ, **self.variables}, cwd=self.folder, capture_output=True, text=True, timeout=60
        )
        assert answer.returncode == 0, f"{' '.join(command)}: {answer.stderr}"
        return answer.stdout.splitlines()

    def tasks(self, run: Path, *, ended: bool = True) -> dict[str, str]:
        """The state of every task that was ever sent for a run, or of those in the queue, by id."""
        which = ("--states=all",) if ended else ()
        name = f"--name=reslim-{run.name.rsplit('_', 1)[-1]}"
        lines = self("squeue", "--noheader", "--array", name, "--format=%i %T", *which)
        return dict(line.split() for line in lines)

    def restarts(self, task: str) -> int:
        """How often SLURM started a task again."""
        fields = dict(f.split("=", 1) for f in " ".join(self("scontrol", "show", "job", task)).split() if "=" in f)
        return int(fields["Restarts"])

    def clear(self) -> None:
        """Empty the queue."""
        self("scancel", "--user=root", "--signal=KILL")
        self("scancel", "--user=root")
        wait_for(lambda: not self("squeue", "--noheader"), "an empty queue")


@dataclass(frozen=True)
class Watched:
    """The one run of a command, as its job folders show it."""

    path: Path

    @classmethod
    def of(cls, reslim: Reslim) -> Watched:
        def whole() -> list[Path]:  # before it is whole, its name begins with a dot
            return [run for run in reslim.runs() if not run.name.startswith(".")]

        (path,) = wait_for(whole, "a run folder")
        return cls(path)

    def job(self, depth: int) -> Path:
        (folder,) = self.path.glob(f"jobs/{depth}-*")
        return folder

    def status(self, depth: int) -> dict[str, Any]:
        return json.loads((self.job(depth) / "status.json").read_text())

    def log(self, depth: int) -> str:
        return (self.job(depth) / "log.txt").read_text()

    def states(self) -> dict[int, str]:
        """What each depth's file says."""
        files = self.path.glob("jobs/*/status.json")
        return {int(f.parent.name.split("-")[0]): json.loads(f.read_text())["state"] for f in files}

    def is_running(self, depth: int) -> bool:
        return self.status(depth)["state"] == "running"

    def any_runs(self) -> bool:
        return "running" in self.states().values()
