"""What a sink is: it is told numbers while a job runs, and shows them. Free of torch and of the programs themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Sink(Protocol):
    """Where numbers go to be looked at."""

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Show values by name, at a step of training or at whatever else they are drawn over; nan and inf are values.

        The steps of one name increase.
        """
        ...

    def part(self, name: str) -> Sink:
        """A sink for one of several computations of a job, whose names begin with this one."""
        ...


class NoSink:
    """Shows nothing."""

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        return None

    def part(self, name: str) -> Sink:
        return self


class Part:
    """A sink whose names begin with that of a part: `trained/train_loss`."""

    def __init__(self, whole: Sink, name: str) -> None:
        self._whole, self._name = whole, name

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        self._whole.scalars(step, {f"{self._name}/{name}": value for name, value in values.items()})

    def part(self, name: str) -> Sink:
        return Part(self._whole, f"{self._name}/{name}")
