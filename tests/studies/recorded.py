"""Settings that record which of their keys are read, and shared solutions that record what each of them reads.

    settings = recorded(Ode(), read)        # settings.init.hurst adds "init" and "init.hurst" to `read`

An option (`init`, `block`, `data`) is read as soon as it is asked for: its class says which it is. What
`dataclasses.replace` copies is not read, and a key that it pins is none of the settings' any more.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from resnet_limits.settings.content import content
from resnet_limits.settings.keys import describe
from resnet_limits.settings.registry import Option

BOOKKEEPING = (dataclasses.__file__, sys.modules[describe.__module__].__file__)
"""Files whose reading of a key is none: copies, names of jobs and of solutions."""


def recorded(settings: Any, read: set[str], prefix: str = "") -> Any:
    """The same settings, which add the dotted name of each key that is read to `read`."""
    kind = type(settings)
    fields = [field.name for field in dataclasses.fields(kind)]
    pinned: dict[int, set[str]] = {}
    copied: dict[int, set[str]] = {}

    def get(self: Any, name: str) -> Any:
        value = object.__getattribute__(self, name)
        if name not in fields:
            return value
        caller = sys._getframe(1)
        if caller.f_code.co_filename in BOOKKEEPING:
            copied.setdefault(id(caller), set()).add(name)
        elif name not in pinned.get(id(self), ()) and (
            isinstance(value, Option) or not dataclasses.is_dataclass(value)
        ):
            read.add(prefix.rstrip(".") if name == "name" and prefix else prefix + name)
        return value

    def make(self: Any, *values: Any, **named: Any) -> None:
        before = set(read)
        kind.__init__(self, *values, **named)
        read.intersection_update(before)  # what a new option or group checks of itself is no reading
        caller = sys._getframe(1)
        if caller.f_code.co_filename in BOOKKEEPING:  # made by `replace`
            of_before = pinned.get(id(caller.f_locals["obj"]), set())
            pinned[id(self)] = of_before | {*fields} - copied.pop(id(caller), set())
            kept.append(self)

    kept: list[Any] = []  # so that no identity is given twice
    recording = type(kind.__name__, (kind,), {"__getattribute__": get, "__init__": make})
    values = {}
    for name in fields:
        value = getattr(settings, name)
        values[name] = recorded(value, read, f"{prefix}{name}.") if dataclasses.is_dataclass(value) else value
    made = recording(**values)
    kept.append(made)
    return made


class Enough(Exception):
    """All solutions that were asked for are known."""


@dataclasses.dataclass
class Solved:
    """A solution, the file that asks for it, and what was read while it was computed."""

    asked_in: str
    name: str
    purpose: str
    key: Mapping[str, Any]
    read: set[str]
    arrays: dict[str, np.ndarray]


class RecordedSolutions:
    """Shared solutions, with what each reads; stops once it has as many of each purpose as are wanted."""

    def __init__(self, read: set[str], wanted: tuple[str, ...]) -> None:
        self.solved: dict[str, Solved] = {}
        self._read, self._wanted, self._inside = read, wanted, 0

    def solve(
        self, purpose: str, key: Mapping[str, Any], compute: Callable[[], dict[str, np.ndarray]]
    ) -> dict[str, np.ndarray]:
        name = f"{purpose} {sorted(key.items())!r}"
        asked_in, before = sys._getframe(1).f_code.co_filename, set(self._read)
        if name not in self.solved:
            self._read.clear()
            self._inside += 1
            arrays = compute()
            self._inside -= 1
            self.solved[name] = Solved(asked_in, name, purpose, dict(key), set(self._read), arrays)
        self._read |= before | self.solved[name].read
        if not self._inside and {*self._wanted} <= {solution.purpose for solution in self.solved.values()}:
            raise Enough
        return self.solved[name].arrays


def another(settings: Any, but: set[str]) -> Any:
    """The settings with another value of each key that is content of a job, as far as there is one; those in `but`,
    and in the groups in `but`, stay."""

    def stays(key: str) -> bool:
        return any(key == name or key.startswith(f"{name}.") for name in but)

    def changed(values: Any, prefix: str = "") -> Any:
        changes = {}
        for field in dataclasses.fields(values):
            key, value = prefix + field.name, getattr(values, field.name)
            if isinstance(value, Option):
                if not stays(key):
                    changes[field.name] = _another_option(value)
            elif dataclasses.is_dataclass(value):
                changes[field.name] = changed(value, f"{key}.")
            elif not stays(key) and field.name != "study" and field.metadata.get("content", True):
                changes[field.name] = _another_value(value, field.metadata)
        return dataclasses.replace(values, **changes)

    return changed(settings)


def _another_option(value: Option) -> Option:
    return next(kind() for name, kind in value.options.items() if name != value.name)


def _another_value(value: Any, rule: Mapping[str, Any]) -> Any:
    if rule["choices"]:
        return next((word for word in rule["choices"] if word != value), value)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1 if rule["high"] is None or value < rule["high"] else value - 1
    if isinstance(value, float):
        return value / 2
    return value


def differing(a: Any, b: Any) -> set[str]:
    """The keys that two settings have different values of."""
    first, second = content(a), content(b)
    return {key for key in {*first} | {*second} if first.get(key) != second.get(key)}
