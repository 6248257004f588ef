"""What a computation needs to go on after an interruption, and where it keeps it. Free of torch.

`runs/checkpoint.py` keeps states in the folder of a job.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np


@dataclass
class State:
    """All that a computation needs to go on where it was: arrays, and values that JSON can hold."""

    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)


class Checkpoints(Protocol):
    """Where a computation keeps its state, so that it goes on with the same result after an interruption."""

    def load(self) -> State | None:
        """The newest state that was saved and is intact, None where there is none."""
        ...

    def save(self, state: State) -> None:
        """Keep this state; done with the arrays on return, so that they may be changed. Raises `OutputError`."""
        ...

    def wanted(self) -> bool:
        """Whether a state should be saved at the next chance, because the computation is about to be interrupted."""
        ...

    def part(self, name: str) -> Checkpoints:
        """Checkpoints of their own for one of several computations of a job."""
        ...


class NoCheckpoints:
    """Keeps nothing."""

    def load(self) -> State | None:
        return None

    def save(self, state: State) -> None:
        return None

    def wanted(self) -> bool:
        return False

    def part(self, name: str) -> Checkpoints:
        return self
