"""A job as a measurement sees it, and as a comparison sees it once it is finished."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from .checkpoints import Checkpoints, NoCheckpoints
from .record import Record
from .sink import NoSink, Sink

if TYPE_CHECKING:
    import numpy as np


def by_name(solution: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays of a solution in the one order that it has wherever it comes from: a file keeps none."""
    return {name: solution[name] for name in sorted(solution)}


class SharedSolutions(Protocol):
    """Solutions that several jobs need, each a pure function of its key, with arrays by name."""

    def solve(
        self, purpose: str, key: Mapping[str, Any], compute: Callable[[], dict[str, np.ndarray]]
    ) -> dict[str, np.ndarray]:
        """The stored solution of this key, or `compute()`, then stored."""
        ...


class InMemory:
    """Shared solutions of one process, for the Python interface and tests."""

    def __init__(self) -> None:
        self.solutions: dict[str, dict[str, np.ndarray]] = {}

    def solve(
        self, purpose: str, key: Mapping[str, Any], compute: Callable[[], dict[str, np.ndarray]]
    ) -> dict[str, np.ndarray]:
        name = f"{purpose} {sorted(key.items())!r}"
        if name not in self.solutions:
            self.solutions[name] = by_name(compute())
        return self.solutions[name]


def _silent(fraction: float, message: str) -> None:
    return None


@dataclass
class Job:
    """One depth at one setting, as a measurement sees it.

    `progress(fraction, message)` and `sink` may be called at any time; they change nothing in the result.
    """

    settings: Any
    shared: SharedSolutions = field(default_factory=InMemory)
    progress: Callable[[float, str], None] = _silent
    checkpoints: Checkpoints = field(default_factory=NoCheckpoints)
    sink: Sink = field(default_factory=NoSink)

    def part(self, name: str) -> Job:
        """This job as one of its several computations sees it, with checkpoints and names in the sink of its own."""
        return replace(self, checkpoints=self.checkpoints.part(name), sink=self.sink.part(name))


@dataclass(frozen=True)
class FinishedJob:
    """A finished job as a comparison sees it: settings, records and arrays (read when asked for)."""

    settings: Any
    records: Sequence[Record]
    array: Callable[[str], np.ndarray | None]
