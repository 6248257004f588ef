"""Jobs side by side on this machine: processes of which each takes the next job that waits, the deepest first.

client                                        worker, one of several
------                                        ----------------------
start(run, crew): the settings of all jobs    work(): what is imported is paid for once; then job after job,
go through a pipe that stays open             each claimed under the lock on its folder, or left to who has it
watches the jobs' status files                however the client ends, the pipe ends, and the worker with it
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from resnet_limits import device, imports, memory
from resnet_limits.cores import cores
from resnet_limits.errors import OtherPackage, SettingError
from resnet_limits.files import plain
from resnet_limits.runs.folder import Run
from resnet_limits.runs.job_folder import LAUNCHER
from resnet_limits.settings.base import Settings
from resnet_limits.settings.build import from_mapping
from resnet_limits.settings.content import job_name
from resnet_limits.settings.registry import bring

from .launchers import SIDE_BY_SIDE

OF_A_WORKER = 4e8
"""Bytes that a worker takes beyond its arrays: torch and what else it imports, measured."""


@dataclass(frozen=True)
class Crew:
    """Jobs that so many workers take one after another, in this order."""

    settings: tuple[Settings, ...]
    workers: int

    launcher = SIDE_BY_SIDE

    @classmethod
    def of(cls, settings: Sequence[Settings]) -> Crew:
        """The deepest first: they take longest, and the last ones of a run should be short."""
        return cls(tuple(sorted(settings, key=lambda of_job: -of_job.depth)), side_by_side(settings))

    @property
    def jobs(self) -> tuple[str, ...]:
        return tuple(map(job_name, self.settings))

    @property
    def count(self) -> int:
        return len(self.settings)


def side_by_side(settings: Sequence[Settings]) -> int:
    """How many of these jobs run at a time: as the key `jobs` says, else as many as cores, GPUs and memory allow."""
    if not settings:
        return 0
    first = settings[0]  # of a key that is no content all jobs have one value
    if first.jobs is not None:
        return min(first.jobs, len(settings))
    allowed = [len(settings), max(1, cores() // first.threads), _fitting(settings)]
    if gpus := max(device.gpus(_study_of(of_job).device(of_job)) for of_job in settings):
        allowed.append(gpus)
    return min(allowed)


def least(settings: Settings) -> float:
    """Bytes of this machine's memory that a job takes at least."""
    study = _study_of(settings)
    on_gpu = device.gpus(study.device(settings)) > 0
    return OF_A_WORKER + (
        0.0 if on_gpu else max((group.least(settings) for group in study.needed(settings)), default=0.0)
    )


def _fitting(settings: Sequence[Settings]) -> int:
    """How many jobs fit into the memory that is free, were they the largest; at least one."""
    room = memory.shared_room()
    if room is None:
        return len(settings)
    taken = 0.0
    for count, bytes_of_job in enumerate(sorted(map(least, settings), reverse=True)):
        taken += bytes_of_job
        if taken > room.free:
            return max(count, 1)
    return len(settings)


def _study_of(settings: Settings) -> Any:
    from resnet_limits.studies import study

    return study.get(settings.study)


def start(run: Run, crew: Crew) -> list[subprocess.Popen[bytes]]:
    """Start the workers, each in a process group of its own; what they print goes to the run folder.

    They learn from this process what to do, not from the run folder: whoever resumes a run may say otherwise than it
    where its data lie and on which device it computes.
    """
    folder = run.path / LAUNCHER
    folder.mkdir(exist_ok=True)
    document = {"run": str(run.path), "jobs": [asdict(of_job) for of_job in crew.settings]}
    line = json.dumps(document).encode() + b"\n"
    return [_started(folder, line) for _ in range(crew.workers)]


def _started(folder: Path, line: bytes) -> subprocess.Popen[bytes]:
    with open(folder / "output.txt", "ab", opener=plain) as output:
        worker = subprocess.Popen(
            [sys.executable, "-P", "-c", "from reslim_cli.workers import work; work()"],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env=imports.environment(),
        )
    threading.Thread(target=_tell, args=(worker, line), daemon=True).start()  # a pipe takes little at a time
    return worker


def _tell(worker: subprocess.Popen[bytes], line: bytes) -> None:
    assert worker.stdin is not None
    with suppress(OSError, ValueError):  # a worker that is gone needs to know nothing
        worker.stdin.write(line)
        worker.stdin.flush()


def work() -> None:
    """The worker's whole program."""
    from resnet_limits.runs import status
    from resnet_limits.runs.job import run_job

    try:
        imports.require_same()
        bring()
    except (OtherPackage, SettingError) as error:
        raise SystemExit(f"reslim: {error}") from None
    line = sys.stdin.buffer.readline()
    if not line.endswith(b"\n"):  # the client is gone before it had said all
        return
    threading.Thread(target=die_with_client, daemon=True).start()
    document = json.loads(line)
    run = Path(document["run"])
    for values in document["jobs"]:
        settings = from_mapping(values)
        if status.read_status(run / "jobs" / job_name(settings)).state == "queued":
            run_job(run, settings)


def die_with_client() -> None:
    """Wait until the client is gone, then end this process and those that it started."""
    os.read(0, 1)
    if os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
