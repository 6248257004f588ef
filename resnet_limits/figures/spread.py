"""Sheets drawn by several processes of this machine: matplotlib keeps one core busy, and a run has many figures.

    this process   draws, and hands out a sheet at a time     pickles through a pipe    process   draws
                                                           <- one byte a finished sheet

Not `multiprocessing`: this is called from other people's programs. Forked, a process with threads may wait for a lock
for ever; spawned, it would run their main file again; and both want semaphores, which some containers lack. The other
processes see the end of their pipe when this one is gone, however it ended. A sheet that a process fails to draw is
drawn here, so that an error is raised as if there had been one process.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from .. import imports

MOST_PROCESSES = 4
"""Processes; with more of them the start-up outweighs the gain."""
FIGURES_A_PROCESS = 8
"""Figures for which a process is worth its start-up: as long as about five of them take."""
SECONDS_TO_END = 5.0
"""Seconds from SIGTERM to SIGKILL."""
DONE = b"."

Within = Callable[[], AbstractContextManager[object]]
"""Makes the context in which sheets are drawn; picklable."""


class Sheet(Protocol):
    """What is drawn and written: plain data."""

    def draw(self) -> None: ...


@contextlib.contextmanager
def spread(sheets: Sequence[Sheet], *, within: Within) -> Iterator[None]:
    """Draw sheets while the block runs, and the rest after it: all are drawn when the context ends.

    The longest should come first. Other processes draw inside `within()`, where this one is already. Raises what
    `Sheet.draw` raises.
    """
    pending, failed = deque(sheets), deque[Sheet]()
    children = [child for _ in range(processes(len(sheets)) - 1) if (child := started(within)) is not None]
    feeders = [threading.Thread(target=_feed, args=(child, pending, failed), daemon=True) for child in children]
    try:
        for feeder in feeders:
            feeder.start()
        yield
        _draw_all(pending)
        for feeder in feeders:
            feeder.join()
        _draw_all(failed)
    finally:
        for child in children:
            child.terminate()  # idle by now, or nobody wants what it draws
        for child, feeder in zip(children, feeders, strict=True):
            _end(child)
            if feeder.ident is not None:  # it was started
                feeder.join()
            _close(child)


def processes(count: int) -> int:
    """How many draw so many sheets, this one included."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, MOST_PROCESSES, count // FIGURES_A_PROCESS))


def _draw_all(pending: deque[Sheet]) -> None:
    while (sheet := _next(pending)) is not None:
        sheet.draw()


def _next(pending: deque[Sheet]) -> Sheet | None:
    try:
        return pending.popleft()  # one step, whatever other threads do
    except IndexError:
        return None


def started(within: Within) -> subprocess.Popen[bytes] | None:
    """A process that waits for sheets; None where it cannot be started."""
    environment = imports.environment(os.pathsep.join(sys.path))  # the modules of this process
    command = [sys.executable, "-P", "-c", f"from {__name__} import serve; serve()"]
    pipe, null = subprocess.PIPE, subprocess.DEVNULL
    try:
        first = pickle.dumps(within)
        child = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=null, env=environment)
    except (OSError, ValueError, pickle.PicklingError, TypeError, AttributeError):
        return None
    with contextlib.suppress(OSError):  # it is gone already: the first sheet will tell
        assert child.stdin is not None
        child.stdin.write(first)
        child.stdin.flush()
    return child


def _feed(child: subprocess.Popen[bytes], pending: deque[Sheet], failed: deque[Sheet]) -> None:
    """Hand sheets to a process until there are none, or it fails at one."""
    assert child.stdin is not None
    assert child.stdout is not None
    while (sheet := _next(pending)) is not None:
        try:
            child.stdin.write(pickle.dumps(sheet))
            child.stdin.flush()
            done = child.stdout.read(1) == DONE
        except (OSError, pickle.PicklingError, TypeError, AttributeError):
            done = False
        if not done:
            failed.append(sheet)
            return


def _end(child: subprocess.Popen[bytes]) -> None:
    try:
        child.wait(timeout=SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _close(child: subprocess.Popen[bytes]) -> None:
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):  # what it never read is flushed to nobody
                pipe.close()


def serve() -> None:
    """The whole program of another process: draw the sheets that come, until the pipe ends."""
    imports.require_same()  # else this process ends, and the sheets are drawn where they come from
    sheets, replies = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # what is printed is no reply
    leaving = threading.Event()

    def leave(number: int, frame: object) -> None:
        leaving.set()  # what is raised in a finaliser nobody hears of
        raise KeyboardInterrupt  # an unfinished file is taken away

    signal.signal(signal.SIGTERM, leave)
    with contextlib.suppress(EOFError, KeyboardInterrupt), pickle.load(sheets)():
        while not leaving.is_set():
            pickle.load(sheets).draw()
            replies.write(DONE)
            replies.flush()
