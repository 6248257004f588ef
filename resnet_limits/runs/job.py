"""One job in its folder: claim it, measure, write what was measured, say how it went.

    jobs/NAME/  config.yaml          the settings, written when the run is planned
                status.json          queued, running, finished or failed (see status.py)
                owner.json           the process that runs the job; there while it does
                log.txt              what happened, with times
                checkpoint/          the last two states of what is running, until the job is finished (checkpoint.py)
                records.parquet      the numbers measured
                arrays.safetensors   what comparisons and figures need

The status says finished only after records and arrays are in place. A live job is never started twice.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import yaml

from .. import device
from .. import settings as keys
from ..errors import OutputError, ReslimError
from ..settings import Settings
from . import status as states
from .files import read_json, whole, write_json, write_text
from .status import Process, Status

RESULTS = ("records.parquet", "arrays.safetensors")


def queue(run: Path, settings: Settings) -> Path:
    """Write the folder of a job that is to be run; leave one that is there already alone."""
    folder = run / "jobs" / keys.job_name(settings)
    if not (folder / "config.yaml").exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / "config.yaml", yaml.safe_dump(asdict(settings), sort_keys=False))
    if not (folder / "status.json").exists():
        states.write(folder, Status("queued"))
    return folder


def run_job(run: Path, settings: Settings) -> None:
    """Run one job in its folder. Returns whatever happens: the outcome stands in the folder.

    A finished job is left alone; a job that another live process runs is left to it.
    """
    folder = queue(run, settings)
    with contextlib.ExitStack() as stack:
        try:
            mine = stack.enter_context(owned(folder))
        except OSError as error:
            if states.read(folder).state in ("queued", "failed", "lost"):
                reason = f"cannot write to {folder}: {error.strerror}; make room, then resume the run"
                write_status(folder, Status("failed", Process.this(), time.time(), message=reason))
            return
        if not mine or states.verified(folder, states.read(folder)).state == "finished":
            return
        with Reporter(folder) as reporter:
            try:
                seconds = _measure(run, folder, settings, reporter)
            except Exception as error:
                reporter.log(str(error) if isinstance(error, ReslimError) else traceback.format_exc())
                reporter.end("failed", f"{type(error).__name__}: {error}".splitlines()[0])
            else:
                reporter.end("finished", "", seconds)
                shutil.rmtree(folder / "checkpoint", ignore_errors=True)


def _measure(run: Path, folder: Path, settings: Settings, reporter: Reporter) -> float:
    import torch
    from safetensors import SafetensorError
    from safetensors.numpy import save_file
    from threadpoolctl import threadpool_limits

    from ..studies import study
    from .checkpoint import FolderCheckpoints
    from .records import table, write_parquet
    from .shared import SharedFolder

    torch.set_num_threads(settings.threads)
    where = device.described(device.resolve(settings.device))
    reporter.device = where
    reporter.log(f"started on {where}, {settings.threads} thread(s)")
    start = time.monotonic()
    with threadpool_limits(settings.threads):
        checkpoints = FolderCheckpoints(folder / "checkpoint", reporter.log)
        job = study.Job(settings, SharedFolder(run / "shared"), reporter.progress, checkpoints)
        measurement = study.get(settings.study).measure(job)
    seconds = time.monotonic() - start
    records = table(settings, measurement.records, job=folder.name, seconds=seconds)
    try:
        with whole(folder / "arrays.safetensors") as beside:
            save_file(measurement.arrays, beside)
        write_parquet(folder / "records.parquet", records)
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OutputError(f"cannot write to {folder}: {reason}; make room, then resume the run") from None
    reporter.log(f"finished in {seconds:.1f} s with {len(measurement.records)} records")
    return seconds


def write_status(folder: Path, status: Status) -> None:
    """Write `status.json`; on a full disk into the file that is there, which has room for a few words."""
    try:
        states.write(folder, status)
    except OSError:
        with open(folder / "status.json", "r+", encoding="utf-8") as file:
            file.write(json.dumps(asdict(status)))
            file.truncate()


@contextlib.contextmanager
def owned(folder: Path) -> Iterator[bool]:
    """Whether this process is now the only one that runs the job of this folder.

    `owner.json` names the owner. To look at it, and to take the place of an owner that is gone, is one step under a
    lock: otherwise a second process could remove the file of a first that had just taken the place.
    """
    owner = folder / "owner.json"
    with _locked(folder):
        mine = not owner.exists() or _is_gone(folder, owner)
        if mine:
            write_json(owner, asdict(Process.this()))
    try:
        yield mine
    finally:
        if mine:
            owner.unlink(missing_ok=True)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold an exclusive lock on a folder; the system lets go of it when the process ends."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _is_gone(folder: Path, owner: Path) -> bool:
    document: Any = read_json(owner)
    try:
        process = Process(**document)
        heartbeat = max(states.read(folder).heartbeat, owner.stat().st_mtime)
    except (TypeError, FileNotFoundError):
        return True
    return process.is_gone(heartbeat)


class Reporter:
    """Writes the status of a running job: at its start and end, on progress, and as a heartbeat from a thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.device = ""
        self._lock = threading.Lock()
        self._status = Status("running", Process.this(), heartbeat=time.time())
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

    def log(self, text: str) -> None:
        """Say what happened; a log that cannot be written is no reason to stop measuring."""
        with contextlib.suppress(OSError), open(self.folder / "log.txt", "a", encoding="utf-8") as f:
            f.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text.rstrip()}\n")

    def end(self, state: states.State, message: str, seconds: float | None = None) -> None:
        self._stop.set()
        self._thread.join()
        fraction = 1.0 if state == "finished" else self._status.progress
        self._status = replace(self._status, state=state, message=message, seconds=seconds, progress=fraction)
        if state == "finished":
            digests = {name: states.file_digest(self.folder / name) for name in RESULTS}
            self._status = replace(self._status, digests=digests)
        self._write()

    def _write(self) -> None:
        with self._lock:
            self._written = time.monotonic()
            self._status = replace(self._status, heartbeat=time.time(), device=self.device)
            write_status(self.folder, self._status)

    def _beat(self) -> None:
        while not self._stop.wait(states.HEARTBEAT):
            with contextlib.suppress(OSError):
                self._write()
