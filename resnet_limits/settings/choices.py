"""The names that settings choose, with the files of a user's own that they need."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..own import OwnFile
from .keys import flat
from .registry import STUDIES, Option, Registry


@dataclass(frozen=True)
class Choice:
    """A name that settings choose: of which registry, under which key, and the option with its keys, if it has any."""

    registry: Registry
    key: str
    name: str
    option: Option | None = None

    @property
    def file(self) -> OwnFile | None:
        """The file of a user's own that brought the name; None of all others."""
        return self.registry.of_files.get(self.name)

    def keys_beside(self, settings: Any) -> dict[str, Any]:
        """The values of the keys of its group, by their names without the group's, and of those in no group."""
        group = self.key.rpartition(".")[0]
        values = flat(settings)
        inside = {key.removeprefix(f"{group}."): value for key, value in values.items() if key.startswith(f"{group}.")}
        return {**{key: value for key, value in values.items() if "." not in key}, **inside}


def files_of(settings: Any, *, content: bool = False) -> list[OwnFile]:
    """The files of a user's own that these settings need; with `content` those that what is measured depends on."""
    return [choice.file for choice in choices(settings, content) if choice.file is not None]


def choices(settings: Any, content: bool, prefix: str = "") -> Iterator[Choice]:
    """All names that these settings choose, the study first; with `content` those that what is measured depends on."""
    if not prefix:
        yield Choice(STUDIES, "study", settings.study)
    for field in dataclasses.fields(settings):
        value, names, key = getattr(settings, field.name), field.metadata.get("choices"), prefix + field.name
        if content and not field.metadata.get("content", True):
            continue
        if isinstance(value, Option):
            yield Choice(value.options, key, value.name, value)
        if dataclasses.is_dataclass(value):
            yield from choices(value, content, f"{key}.")
        elif isinstance(names, Registry):
            yield from (Choice(names, key, name) for name in (value if isinstance(value, list) else [value]) if name)
