"""What a running job says of itself: `status.json` with a heartbeat, and `log.txt`."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from pathlib import Path

from ..files import plain
from . import status as states
from .status import Process, State, Status


def write_status_anyway(folder: Path, status: Status) -> None:
    """Write `status.json`; on a full disk into the file that is there, which has room for a few words."""
    try:
        states.write_status(folder, status)
    except OSError:
        with open(folder / "status.json", "r+", encoding="utf-8", opener=plain) as file:
            file.write(json.dumps(asdict(status)))
            file.truncate()


class Reporter:
    """Writes the status of a running job: at its start and end, on progress, and as a heartbeat from a thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.device = self.way = ""
        self.engines: Callable[[], Iterable[str]] = tuple
        self._lock = threading.Lock()
        self._status = Status("running", Process.this(folder), heartbeat=time.time())
        self._written = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Reporter:
        self._write()
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._thread.join()

    def progress(self, fraction: float, message: str) -> None:
        """Say how far the job is; written at most twice a second."""
        with self._lock:
            self._status = replace(self._status, progress=fraction, message=message)
        if time.monotonic() - self._written > 0.5:
            with contextlib.suppress(OSError):  # what cannot be said is no reason to stop measuring, nor is a heartbeat
                self._write()

    def waits(self, message: str) -> None:
        """Say that the job is queued still, and for what, until it `runs`; heartbeats go on."""
        self._turn(replace(self._status, state="queued", message=message))

    def runs(self, device: str, way: str, engines: Callable[[], Iterable[str]]) -> None:
        """Say that the job runs, on a device described in words, in which `way` of an engine, and from now on by which
        `engines` it has been computed."""
        self.device, self.way, self.engines = device, way, engines
        self._turn(replace(self._status, state="running", message=""))

    def log(self, text: str) -> None:
        """Say what happened; a log that cannot be written is no reason to stop measuring."""
        with contextlib.suppress(OSError), open(self.folder / "log.txt", "a", encoding="utf-8", opener=plain) as f:
            f.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text.rstrip()}\n")

    def end(self, state: State, message: str, seconds: float | None = None) -> None:
        self._stop.set()
        self._thread.join()
        fraction = 1.0 if state == "finished" else self._status.progress
        self._status = replace(self._status, state=state, message=message, seconds=seconds, progress=fraction)
        if state == "finished":
            digests = {name: states.file_digest(self.folder / name) for name in states.RESULTS}
            self._status = replace(self._status, digests=digests)
        self._write()

    def _turn(self, status: Status) -> None:
        with self._lock:
            changed, self._status = status.state != self._status.state, status
        if changed:
            with contextlib.suppress(OSError):
                self._write()

    def _write(self) -> None:
        with self._lock:
            self._written = time.monotonic()
            self._status = replace(
                self._status,
                heartbeat=time.time(),
                device=self.device,
                engine=", ".join(self.engines()),
                way=self.way,
            )
            write_status_anyway(self.folder, self._status)

    def _beat(self) -> None:
        while not self._stop.wait(states.heartbeat_seconds()):
            with contextlib.suppress(OSError):
                self._write()
