"""The state of a job, in its own `status.json`: who runs it, since when, how far it is.

    queued -> running -> finished | failed            written by the client (queued) and the job (all else)
    running, but its process is gone -> lost          concluded by whoever reads

On the host of the job the process decides (its id and start time, and that it works in this folder and not in one of
which this is a copy), elsewhere the heartbeat: a job whose last one is further from now than `lost_after()` seconds
(environment variable RESLIM_LOST_AFTER) is lost. Further in either direction: a clock may be set back.
"""

from __future__ import annotations

import hashlib
import math
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from ..files import is_alive, plain, read_json, write_json

State = Literal["queued", "running", "finished", "failed", "lost"]
STATES: tuple[State, ...] = ("queued", "running", "finished", "failed")
RESULTS = ("records.parquet", "arrays.safetensors")
"""The files of a finished job, whose digests its status holds."""
MAX_SECONDS_OF_JOB = 1e10
"""Seconds that no job takes (three centuries): a number beyond is damaged."""
PROCESS_IS_GONE = "its process is gone (if nobody stopped it, most likely for want of memory)"
STOPPED = "stopped by an interrupt"


def lost_after() -> float:
    """Seconds without heartbeat after which a job on another host counts as lost: RESLIM_LOST_AFTER, else 60."""
    try:
        seconds = float(os.environ.get("RESLIM_LOST_AFTER", "60"))
    except ValueError:
        return 60.0
    return seconds if 0 < seconds < math.inf else 60.0


def heartbeat_seconds() -> float:
    """Seconds from one heartbeat to the next."""
    return lost_after() / 12


def process_start(pid: int) -> str:
    """When a process started, as the system counts it: tells a process from a later one of the same id."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
            state, *rest = f.read().rsplit(")", 1)[1].split()
            return "" if state in "ZX" else rest[18]
    except OSError:
        return ""


@dataclass(frozen=True)
class Process:
    """A process: host, id, start time, and the folder that it works in (empty: any)."""

    host: str
    pid: int
    started: str
    folder: str = ""

    @classmethod
    def this(cls, folder: Path | None = None) -> Process:
        return cls.of(os.getpid(), folder)

    @classmethod
    def of(cls, pid: int, folder: Path | None = None) -> Process:
        """A process of this host."""
        return cls(socket.gethostname(), pid, process_start(pid), str(folder.resolve()) if folder else "")

    @classmethod
    def read(cls, document: Any) -> Process:
        """The process that a document names. Raises `TypeError` where it names none."""
        process = cls(**document)
        words = (process.host, process.started, process.folder)
        if not all(isinstance(w, str) for w in words) or type(process.pid) is not int or not 0 < process.pid < 2**31:
            raise TypeError(f"{document!r} is no process")
        return process

    @property
    def is_here(self) -> bool:
        """Whether it runs, or ran, on this host."""
        return self.host == socket.gethostname()

    def is_gone(self, heartbeat: float, folder: Path | None = None) -> bool:
        """Whether it works in this folder no more; `heartbeat` is the time of its last sign of life there."""
        if not self.is_here:
            return abs(time.time() - heartbeat) > lost_after()
        if self.folder and folder is not None and self.folder != str(folder.resolve()):
            return True
        if os.path.isdir("/proc/self"):
            return not self.started or process_start(self.pid) != self.started
        return not is_alive(self.pid)


@dataclass(frozen=True)
class Status:
    """What `status.json` says."""

    state: State
    process: Process | None = None
    heartbeat: float = 0.0
    progress: float = 0.0
    message: str = ""
    seconds: float | None = None
    device: str = ""
    engine: str = ""
    """Names of the engines that computed its networks, so far; empty where none has."""
    way: str = ""
    """What the engine that it was given depends on to the last bit (`Engine.way`)."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of the files that a finished job left, by name."""


def write_status(folder: Path, status: Status) -> None:
    write_json(folder / "status.json", asdict(status))


def read_status(folder: Path) -> Status:
    """The state of the job in this folder; `lost` where it says running and nobody runs it.

    A file that is missing or damaged counts as lost: the job is done again, its records are never trusted.
    """
    document = read_json(folder / "status.json")
    try:
        process = Process.read(document["process"]) if document["process"] else None
        status = Status(**{**document, "process": process})
        numbers = (status.heartbeat, status.progress, 0.0 if status.seconds is None else status.seconds)
        words = (
            status.state,
            status.message,
            status.device,
            status.engine,
            status.way,
            *status.digests,
            *status.digests.values(),
        )
        if not all(isinstance(n, (int, float)) for n in numbers) or not all(isinstance(w, str) for w in words):
            raise TypeError
        if status.state not in STATES or not all(0 <= n <= MAX_SECONDS_OF_JOB for n in numbers[1:]):
            raise ValueError
        status = replace(status, heartbeat=float(status.heartbeat))
        if status.state == "running" and (process is None or process.is_gone(status.heartbeat, folder)):
            return replace(status, state="lost", message=PROCESS_IS_GONE)
    except (TypeError, KeyError, ValueError, AttributeError, OverflowError):
        return Status("lost", message="status.json is missing or damaged")
    return status


def note_stopped(folder: Path) -> None:
    """Say of a job whose process was ended on purpose a moment ago that it waits again, and why."""
    status = read_status(folder)
    if status.state == "lost":
        write_status(folder, Status("queued", progress=status.progress, message=STOPPED))


def touched(path: Path, since: int) -> bool:
    """Whether a file was written, renamed or given another time from then on. Raises `OSError` where it is missing."""
    about = path.stat()
    return max(about.st_mtime_ns, about.st_ctime_ns) >= since


def file_digest(path: Path) -> str:
    """SHA-256 of a file. Raises `OSError` for what is no plain file."""
    with open(path, "rb", opener=plain) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verified(folder: Path, status: Status, since: int | None = None) -> Status:
    """The status, or `lost` where a file that a finished job left is missing or not what it wrote.

    With `since` (nanoseconds since 1970) a file that nobody has touched from then on is believed unread.
    """
    for name in RESULTS if status.state == "finished" else ():
        try:
            if since is not None and not touched(folder / name, since):
                continue
            same = file_digest(folder / name) == status.digests.get(name)
        except OSError:
            same = False
        if not same:
            return replace(status, state="lost", message=f"{name} is missing or damaged")
    return status
