"""The sinks that a job asks for, opened in its folder: several behind one, a failing one silent, one curve a job.

A job that goes on after an interruption trains some steps again that were shown already, and the last numbers that a
killed process wrote may not have reached its files. So each sink begins anew, is told again what the journal holds, and
what the journal holds is not shown twice: the numbers of a job repeat.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from ..measurement.sink import NoSink, Part, Sink
from ..settings.base import Settings
from ..settings.registry import SINKS
from .journal import Journal


class Program(Protocol):
    """A program that shows numbers: `sinks/programs/NAME.py` opens one, by `open_in(folder of the job, its settings)`.

    What an earlier process left of it in that folder goes. Anything may be raised.
    """

    def scalars(self, step: int, values: Mapping[str, float]) -> None: ...

    def close(self) -> None: ...


@contextlib.contextmanager
def opened(settings: Settings, folder: Path, log: Callable[[str], None], *, version: str) -> Iterator[Sink]:
    """The sinks of these settings for the job in `folder`, as one; closed at the end, however it comes.

    What fails is said once to `log`, and is silent from then on. A journal of another `version` is not told again.
    """
    names = list(dict.fromkeys(settings.sinks or []))
    if not names:
        yield NoSink()
        return
    sinks = Several(log)
    try:
        sinks.open(names, settings, folder, version)
        yield sinks
    finally:
        sinks.close()


class Several:
    """Several programs behind one sink, and the journal of what they were told."""

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log
        self._programs: dict[str, Program] = {}
        self._journal: Journal | None = None
        self._last: dict[str, int] = {}

    def open(self, names: Sequence[str], settings: Settings, folder: Path, version: str) -> None:
        with self._guarded("journal"):
            self._journal = Journal(folder / "checkpoint" / "sinks.jsonl", version)
        for name in names:
            with self._guarded(name):
                self._programs[name] = SINKS[name](folder, settings)
        for step, values in self._journal.points if self._journal else ():
            self._show(step, values)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        new = {name: float(v) for name, v in values.items() if name not in self._last or step > self._last[name]}
        if not new:
            return
        if self._journal is not None:
            with self._guarded("journal"):
                self._journal.add((step, new))
        self._show(step, new)

    def part(self, name: str) -> Sink:
        return Part(self, name)

    def close(self) -> None:
        for name in list(self._programs):
            with self._guarded(name):
                self._programs.pop(name).close()
        if self._journal is not None:
            with contextlib.suppress(OSError):
                self._journal.close()

    def _show(self, step: int, values: dict[str, float]) -> None:
        self._last |= dict.fromkeys(values, step)
        for name in list(self._programs):
            with self._guarded(name):
                self._programs[name].scalars(step, values)

    @contextlib.contextmanager
    def _guarded(self, name: str) -> Iterator[None]:
        """Whatever is raised ends this sink and nothing else; programs of others may even exit."""
        try:
            yield
        except (Exception, SystemExit) as error:
            words = (f"{type(error).__name__}: {error}".splitlines() or [""])[0]
            self._log(f"sink {name}: {words}; it is told no more of this job")
            if name == "journal":
                self._journal = None
            elif (program := self._programs.pop(name, None)) is not None:
                with contextlib.suppress(Exception, SystemExit):
                    program.close()
