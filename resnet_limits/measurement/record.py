"""What is measured: one number with its errors, and what a measurement or a comparison of several depths returns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from .checkpoints import State

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Record:
    """One number measured.

    `stderr` is the standard error over replicas (nan for a deterministic quantity), `reference_error`
    the error of the reference that `value` is a distance to (nan where there is no reference).
    `layer` is None for a value at the output, `step` for a final value. `coordinates` are further columns:
    the scheme, and the keys that a claim pins.
    """

    observable: str
    value: float
    stderr: float = math.nan
    reference: float = math.nan
    reference_error: float = math.nan
    layer: int | None = None
    step: int | None = None
    coordinates: Mapping[str, Any] = field(default_factory=dict)
    replicas: int | None = None
    """Number of replicas behind the value where it is not the key `replicas`."""


WHY = "why"
"""The coordinate of a record without a number that says why there is none."""


def unknown(observable: str, why: str, coordinates: Mapping[str, Any]) -> Record:
    """No number, and why: a claim about it is inconclusive for this reason."""
    return Record(observable, math.nan, coordinates={**coordinates, WHY: why})


@dataclass
class Measurement:
    """What a measurement returns: records, and arrays that comparisons and figures need."""

    records: list[Record] = field(default_factory=list)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)

    def extend(self, other: Measurement) -> None:
        self.records.extend(other.records)
        self.arrays.update(other.arrays)

    def state(self) -> State:
        """This measurement as a state to keep."""
        return State(self.arrays, {"records": [asdict(record) for record in self.records]})

    @classmethod
    def of(cls, state: State) -> Measurement:
        """The measurement that was kept, the same bit for bit."""
        return cls([Record(**values) for values in state.values["records"]], state.arrays)


@dataclass(frozen=True)
class Comparison:
    """Records of a comparison, with the depth they belong to (any, also one that no job has)."""

    depth: int
    record: Record
