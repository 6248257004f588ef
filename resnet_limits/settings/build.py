"""From a plain mapping, a resolved configuration, to settings."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from .. import own
from ..errors import SettingError, one_of
from .base import Settings
from .checks import check_values
from .choices import files_of
from .keys import _types
from .registry import STUDIES, Option

S = TypeVar("S", bound=Settings)
T = TypeVar("T")


def from_mapping(values: Mapping[str, Any]) -> Settings:
    """Settings from a plain mapping (a resolved configuration), every value checked.

    Raises `SettingError` for an unknown study or key, a wrong type, or a value out of range.
    """
    study = str(values.get("study"))
    if study not in STUDIES:
        raise SettingError(f"unknown study {STUDIES.unknown(study)}")
    settings = _build(STUDIES[study], values, prefix="")
    check_values(settings)
    return with_files(settings)


def of_keys(cls: type[T], keys: Mapping[str, Any]) -> T:
    """A value whose fields are the keys of the same names; others keep their defaults. Raises `SettingError`."""
    fields = dataclasses.fields(cls) if dataclasses.is_dataclass(cls) else ()
    given = {field.name: keys[field.name] for field in fields if field.name in keys}
    missing = dataclasses.MISSING
    if lacking := [
        field.name for field in fields if field.name not in given and field.default is field.default_factory is missing
    ]:
        raise SettingError(f"{cls.__name__}: {lacking[0]} has no default and is no key; there are {', '.join(keys)}")
    return cls(**given)


def with_files(settings: S) -> S:
    """The settings with `parts` of the files of a user's own that they need: as given, else as they were named."""
    files = files_of(settings, content=True)
    if not files and settings.parts is None:
        return settings
    given = {label.partition("-")[0]: label for label in (settings.parts or "").split("+")}
    return dataclasses.replace(settings, parts=own.joined(given.get(file.stem, file.label) for file in files))


def require_files(settings: Settings) -> None:
    """Raise `SettingError` where the files that were named are not those that are meant, `parts`."""
    named = own.joined(file.label for file in files_of(settings, content=True))
    if settings.parts is not None and settings.parts != named:
        raise SettingError(
            f"parts={settings.parts}: the files that were named with --with are others"
            f" ({named or 'none that this job uses'}); bring back those, or say parts={named or 'null'} to take these"
        )


def _build(cls: type, values: Any, prefix: str) -> Any:
    if not isinstance(values, Mapping):
        raise SettingError(f"{prefix.rstrip('.')}: expected keys and values, got {values!r}")
    types = _types(cls)
    names = [f.name for f in dataclasses.fields(cls)]
    arguments = {}
    for name, value in values.items():
        if name not in names:
            raise SettingError(f"unknown key {one_of(prefix + str(name), [prefix + n for n in names])}")
        kind = types[name]
        if isinstance(kind, type) and issubclass(kind, Option):
            options = kind.options
            option = str(value.get("name") if isinstance(value, Mapping) else value)
            if option not in options:
                raise SettingError(f"{prefix}{name}: unknown option {options.unknown(option)}")
            value = _build(options[option], value if isinstance(value, Mapping) else {}, f"{prefix}{name}.")
        elif dataclasses.is_dataclass(kind):
            value = _build(typing.cast(type, kind), value, f"{prefix}{name}.")
        arguments[name] = value
    return cls(**arguments)
