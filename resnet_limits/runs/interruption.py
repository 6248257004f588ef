"""How a scheduler interrupts a job: a signal comes first, the end a while later.

    SIGUSR2   the time is up, or the place is wanted   the job saves its state at the next chance, at the latest after
                                                       `grace` seconds stops, and is handed back to the scheduler
    SIGTERM   scancel, or the place is wanted          the job saves its state and goes on; the scheduler ends it, and
                                                       where it means to starts it again

Only where somebody has put a handler for the signal before us (submitit has): that one knows how to requeue. All
others die at once of these signals, as processes do.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

Handler = Callable[[int, FrameType | None], Any]


class Interrupted(BaseException):
    """The job stops here, because its scheduler asked; not an error of the measurement, which must not catch it."""


class Interruption:
    """Signals of a scheduler while a job is measured; `with` puts the handlers in place and back."""

    def __init__(self, grace: float) -> None:
        self.grace = grace
        self._save = self._stop = False
        self._before: dict[int, Handler] = {}

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():  # signals are taken by the main thread alone
            self._take(_stop_signal(), self._on_stop)
            self._take(signal.SIGTERM, self._on_save)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._before:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def wanted(self) -> bool:
        """Whether a state should be saved now."""
        return self._save

    def saved(self) -> None:
        """A state was saved. Raises `Interrupted` where the job is to stop."""
        self._save = False
        if self._stop:
            raise Interrupted

    def hand_back(self) -> None:
        """Hand the job back to the scheduler, which starts it again; does not return where that ends the process.

        Raises what the scheduler's own handler raises where it does not start the job again.
        """
        if (handler := self._before.get(_stop_signal())) is not None:
            handler(_stop_signal(), None)

    def _take(self, number: int, ours: Handler) -> None:
        before = signal.getsignal(number)
        if callable(before) and before is not signal.default_int_handler:
            self._before[number] = before
            signal.signal(number, ours)

    def _on_save(self, number: int, frame: FrameType | None) -> None:
        self._save = True

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        self._save = self._stop = True
        signal.signal(signal.SIGALRM, _at_the_latest)
        signal.setitimer(signal.ITIMER_REAL, self.grace)


def _at_the_latest(number: int, frame: FrameType | None) -> None:
    raise Interrupted


def _stop_signal() -> int:
    """The signal before the end, as submitit is told to use it."""
    name = "SIG" + os.environ.get("SUBMITIT_PREEMPT_SIGNAL", "USR2")
    return getattr(signal, name, signal.SIGUSR2)
