"""The parts that files of a user's own bring (`--with my_law.py`), entered into the registries of their groups.

A part is a class of the file that derives from what a group holds (a law of weights, a block, ...), not one that begins
with `_`, or a `STUDY`, or a figure, which goes by the name of its variable. Whether a name is free its registry says.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Protocol

from .. import own
from ..errors import SettingError
from .case import snake_case

_entered: set[str] = set()
"""The modules of the files whose parts are in the registries."""


class PartGroup(Protocol):
    """What a registry is to a file that brings parts of its group."""

    @property
    def what(self) -> str: ...
    def bring(self, name: str, thing: Any, file: own.OwnFile) -> None: ...
    def drop(self, module: str) -> None: ...
    def of_value(self, file: own.OwnFile, attribute: str, thing: Any) -> tuple[Any, str, Any] | None: ...


def enter_parts(registries: Collection[PartGroup]) -> None:
    """Enter the parts of all named files into their registries, once, and take out those of files that are not named
    any more, or have changed since. Raises `SettingError` naming the file."""
    files = own.files()
    for module in _entered - {file.module for file in files}:
        _entered.discard(module)
        for registry in registries:
            registry.drop(module)
    for file in files:
        if file.module not in _entered:
            _entered.add(file.module)  # before: the file itself may ask a registry
            try:
                _enter(file, registries)
            except BaseException:
                _entered.discard(file.module)
                raise


def _enter(file: own.OwnFile, registries: Collection[PartGroup]) -> None:
    module = file.imported()
    parts = [part for attribute, thing in vars(module).items() if (part := _part(file, attribute, thing, registries))]
    if not parts:
        raise SettingError(
            f"{file.name}: there is no part in it; derive a class from one of resnet_limits, such as rl.Random or"
            " rl.Block, or define a STUDY"
        )
    for registry, name, thing in parts:
        registry.bring(name, thing, file)


def _part(
    file: own.OwnFile, attribute: str, thing: Any, registries: Collection[PartGroup]
) -> tuple[PartGroup, str, Any] | None:
    """What something that a file defines is a part of, under which name; None where it is none, or another's."""
    registry = next((known for known in registries if known is getattr(thing, "options", None)), None)
    if registry is None or attribute.startswith("_"):
        return None
    if not isinstance(thing, type):
        return registry.of_value(file, attribute, thing)
    if thing.__module__ != file.module:
        return None
    if lacking := sorted(getattr(thing, "__abstractmethods__", ())):
        raise SettingError(f"{file.name}: {attribute} does not define {', '.join(lacking)}, which {registry.what} has")
    return registry, snake_case(attribute), thing
