"""Whether SLURM still holds jobs of a run: the one question that a queued job's own file cannot answer.

All tasks of a run go by one name, `reslim-` and the end of the run's id, whichever array they are in; nothing is read
from the launcher. `launcher/scheduler.json` says that tasks were sent, and from which folder: a copy of a run has none.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from ..errors import SchedulerError
from .files import read_json, write_json

FILE = "launcher/scheduler.json"
SECONDS = 30.0
"""How long `squeue` may take while jobs are watched; a user who asks for SLURM is not kept waiting so long."""


def task_name(run: Path) -> str:
    """The name of all tasks of a run: what `squeue --name`, and `scancel --name`, want."""
    return f"reslim-{run.name.rsplit('_', 1)[-1]}"


def require() -> None:
    """Raise `SchedulerError` where this machine cannot send jobs to SLURM, or SLURM does not answer."""
    if shutil.which("sbatch") is None:
        raise SchedulerError("cluster=slurm: there is no sbatch here; start it where SLURM's commands are installed")
    if (problem := _squeue("reslim", seconds=10.0)[1]) is not None:
        raise SchedulerError(f"cluster=slurm: SLURM does not answer: {problem}")


def note(run: Path) -> None:
    """Note that tasks of this run are sent to SLURM."""
    write_json(run / FILE, {"scheduler": "slurm", "name": task_name(run), "folder": str(run.resolve())})


def was_used(run: Path) -> bool:
    """Whether tasks were sent to SLURM from this folder."""
    document = read_json(run / FILE)
    return isinstance(document, dict) and document.get("folder") == str(run.resolve())


@dataclass
class _Silence:
    """The last time that SLURM did not answer: for a while it is not asked again, and each asker need not wait."""

    problem: str = ""
    until: float = 0.0


_SILENCE = _Silence()


def silence() -> str:
    """Why SLURM does not answer at present; empty where it does, or was not asked."""
    return _SILENCE.problem if time.monotonic() < _SILENCE.until else ""


def holds(run: Path) -> bool:
    """Whether tasks of this run wait, run, or are about to end. Where SLURM does not answer, it may well: True.

    On a machine without SLURM's commands the answer is False: who resumes a run there means to run it there.
    """
    if not was_used(run) or shutil.which("squeue") is None:
        return False
    if silence():
        return True
    tasks, problem = _squeue(task_name(run))
    _SILENCE.problem, _SILENCE.until = problem or "", time.monotonic() + SECONDS if problem else 0.0
    return problem is not None or bool(tasks)


def _squeue(name: str, *, seconds: float = SECONDS) -> tuple[list[str], str | None]:
    """The ids of the tasks of this name, or why they are not known."""
    command = ["squeue", "--noheader", "--array", f"--name={name}", "--format=%i"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return [], f"squeue took more than {seconds:g} s"
    except OSError as error:
        return [], f"squeue: {error.strerror}"
    if answer.returncode:
        return [], next(iter(answer.stderr.strip().splitlines()), f"squeue ended with {answer.returncode}")
    return answer.stdout.split(), None
