"""Which jobs of a run SLURM still holds: the one question that a queued job's own file cannot answer.

All tasks of a run go by one name, `reslim-` and the end of the run's id, whichever array they are in. Each array was
sent by a script under a folder of its own, `launcher/.submitit/ARRAY/`, which squeue shows; what the launcher has
written there is not read. `launcher/scheduler.json` says which jobs are its tasks, in their order, and from which
folder they were sent: a copy of a run has none.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from ..errors import SchedulerError
from ..files import locked, read_json, write_json
from .job_folder import LAUNCHER

SCHEDULER_FILE = f"{LAUNCHER}/scheduler.json"
SECONDS_FOR_SQUEUE = 30.0
"""How long `squeue` may take while jobs are watched; a user who asks for SLURM is not kept waiting so long."""


def task_name(run: Path) -> str:
    """The name of all tasks of a run: what `squeue --name`, and `scancel --name`, want."""
    return f"reslim-{run.name.rsplit('_', 1)[-1]}"


def require_slurm() -> None:
    """Raise `SchedulerError` where this machine cannot send jobs to SLURM, or SLURM does not answer."""
    if shutil.which("sbatch") is None:
        raise SchedulerError("cluster=slurm: there is no sbatch here; start it where SLURM's commands are installed")
    if (problem := _squeue("reslim", seconds=10.0)[1]) is not None:
        raise SchedulerError(f"cluster=slurm: SLURM does not answer: {problem}")


def note(run: Path, array: str, jobs: Sequence[str]) -> None:
    """Note that these jobs of this run are sent to SLURM as the tasks of an array, in this order."""
    with locked((run / SCHEDULER_FILE).parent):  # two clients may send at the same time
        document = {"scheduler": "slurm", "name": task_name(run), "folder": str(run.resolve())}
        write_json(run / SCHEDULER_FILE, {**document, "arrays": {**_arrays(run), array: list(jobs)}})


def was_used(run: Path) -> bool:
    """Whether tasks were sent to SLURM from this folder."""
    return _document(run) is not None


def sent(run: Path) -> set[str]:
    """The jobs that were sent to SLURM from this folder."""
    return {job for jobs in _arrays(run).values() for job in jobs}


def _document(run: Path) -> dict[str, Any] | None:
    document = read_json(run / SCHEDULER_FILE)
    return document if isinstance(document, dict) and document.get("folder") == str(run.resolve()) else None


def _arrays(run: Path) -> dict[str, list[str]]:
    """The names of the jobs of each array, by the name of its folder."""
    arrays = (_document(run) or {}).get("arrays")
    lists = {k: v for k, v in arrays.items() if isinstance(v, list)} if isinstance(arrays, dict) else {}
    return {k: v for k, v in lists.items() if all(isinstance(job, str) for job in v)}


@dataclass
class Silence:
    """The last time that SLURM did not answer: for a while it is not asked again, and each asker need not wait."""

    problem: str = ""
    until: float = 0.0


SILENCE = Silence()
"""Of this process."""


def silence() -> str:
    """Why SLURM does not answer at present; empty where it does, or was not asked."""
    return SILENCE.problem if time.monotonic() < SILENCE.until else ""


def tasks_held(run: Path, jobs: Collection[str]) -> set[str]:
    """Those of these jobs whose tasks wait, run, or are about to end. Where SLURM does not answer, they may: all.

    On a machine without SLURM's commands none are: who resumes a run there means to run it there.
    """
    return set(_states(run, jobs))


def ending(run: Path, jobs: Collection[str]) -> set[str]:
    """Those of these jobs whose tasks were cancelled or are done, and whose processes may have a few seconds left."""
    return {job for job, state in _states(run, jobs).items() if state == "COMPLETING"}


def _states(run: Path, jobs: Collection[str]) -> dict[str, str]:
    """What SLURM says of the tasks of these jobs that it holds, by job."""
    if not jobs or not was_used(run) or shutil.which("squeue") is None:
        return {}
    arrays = _arrays(run)
    may = dict.fromkeys(sent(run) & set(jobs) if arrays else jobs, "UNKNOWN")
    if silence():
        return may
    tasks, problem = _squeue(task_name(run))
    SILENCE.problem, SILENCE.until = problem or "", time.monotonic() + SECONDS_FOR_SQUEUE if problem else 0.0
    if problem is not None:
        return may
    states: dict[str, str] = {}
    for task in tasks:
        jobs_of_array = arrays.get(task.array, [])
        if task.index >= len(jobs_of_array):  # a task that nobody noted may be that of any job
            return dict.fromkeys(jobs, task.state)
        states[jobs_of_array[task.index]] = task.state
    return {job: state for job, state in states.items() if job in jobs}


@dataclass(frozen=True)
class _Task:
    """A task that SLURM holds: the folder that its array was sent from, its place in the array, what it does."""

    array: str
    index: int
    state: str


def _squeue(name: str, *, seconds: float = SECONDS_FOR_SQUEUE) -> tuple[list[_Task], str | None]:
    """The tasks of this name, or why they are not known."""
    command = ["squeue", "--noheader", "--array", f"--name={name}", "--format=%K %T %o"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return [], f"squeue took more than {seconds:g} s"
    except OSError as error:
        return [], f"squeue: {error.strerror}"
    if answer.returncode:
        return [], next(iter(answer.stderr.strip().splitlines()), f"squeue ended with {answer.returncode}")
    return [_task(line) for line in answer.stdout.splitlines() if line.strip()], None


def _task(line: str) -> _Task:
    index, state, script = [*line.split(maxsplit=2), "", "", ""][:3]  # a job that is no array has no index
    return _Task(PurePath(script.strip()).parent.name, int(index) if index.isdigit() else 0, state)
