"""From a plain mapping, a resolved configuration, to settings."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from typing import Any

from ..errors import SettingError, one_of
from .base import Settings
from .checks import check
from .keys import _types
from .registry import STUDIES, Option


def from_mapping(values: Mapping[str, Any]) -> Settings:
    """Settings from a plain mapping (a resolved configuration), every value checked.

    Raises `SettingError` for an unknown study or key, a wrong type, or a value out of range.
    """
    study = str(values.get("study"))
    if study not in STUDIES:
        raise SettingError(f"unknown study {one_of(study, STUDIES)}")
    settings = _build(STUDIES[study], values, prefix="")
    check(settings)
    return settings


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
                raise SettingError(f"{prefix}{name}: unknown option {one_of(option, options)}")
            value = _build(options[option], value if isinstance(value, Mapping) else {}, f"{prefix}{name}.")
        elif dataclasses.is_dataclass(kind):
            value = _build(typing.cast(type, kind), value, f"{prefix}{name}.")
        arguments[name] = value
    return cls(**arguments)
