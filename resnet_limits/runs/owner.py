"""Who runs a job: `owner.json` in its folder names the process, so that a live job is never started twice."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..files import locked, read_json, write_json
from . import status as states
from .status import Process


@contextlib.contextmanager
def owned(folder: Path) -> Iterator[bool]:
    """Whether this process is now the only one that runs the job of this folder.

    To look at the owner, and to take the place of one that is gone, is one step under a lock: otherwise a second
    process could remove the file of a first that had just taken the place.
    """
    owner = folder / "owner.json"
    us = asdict(Process.this(folder))
    with locked(folder):
        mine = not owner.exists() or _is_gone(folder, owner)
        if mine:
            write_json(owner, us)
    try:
        yield mine
    finally:
        if mine and read_json(owner) == us:  # after a long silence another one may have taken the place
            owner.unlink(missing_ok=True)


def _is_gone(folder: Path, owner: Path) -> bool:
    document: Any = read_json(owner)
    try:
        process = Process.read(document)
        sign = _sign_of_life(folder, owner)
        return process.is_gone(sign, folder) if process.is_here else _is_silent(folder, owner, process.is_gone(sign))
    except (TypeError, FileNotFoundError):
        return True


def is_abandoned(folder: Path) -> bool:
    """Whether nobody runs the job of this folder, as far as one look tells."""
    owner = folder / "owner.json"
    try:
        return Process.read(read_json(owner)).is_gone(_sign_of_life(folder, owner), folder)
    except (TypeError, FileNotFoundError):
        return True


def _sign_of_life(folder: Path, owner: Path) -> float:
    """When the owner showed that it lives, by its own clock."""
    return max(states.read_status(folder).heartbeat, owner.stat().st_mtime)


def _is_silent(folder: Path, owner: Path, seems_gone: bool) -> bool:
    """Whether an owner on another host gives no sign of life while we watch.

    No two clocks are compared. Three missed heartbeats are enough where the last one is old; where it is recent (a
    job that SLURM has just killed and started elsewhere) we wait as long as every reader does.
    """
    first = _sign_of_life(folder, owner)
    end = time.monotonic() + (3 * states.heartbeat_seconds() if seems_gone else states.lost_after())
    while time.monotonic() < end:
        time.sleep(states.heartbeat_seconds() / 5)
        if _sign_of_life(folder, owner) != first:
            return False
    return True
