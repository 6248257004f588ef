"""Values of keys, and lists of them, as the settings of all their combinations: `depth=[8, 16], seed=[0, 1]` is four.

Each part of a grid has the overrides that `reslim train` would make the same jobs of.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import SettingError, one_of
from .base import Settings
from .keys import describe, is_list, nesting, plain_values
from .registry import Option, kinds

PLAIN_WORD = re.compile(r"[A-Za-z_][\w.+-]*")
"""A word that needs no quotes in an override."""


@dataclass(frozen=True)
class GridPart:
    """The combinations that agree in their options (`init`, `data`, ...), and the overrides that say the same."""

    settings: tuple[Settings, ...]
    overrides: tuple[str, ...]


def grid(settings: Settings, keys: Mapping[str, Any]) -> list[GridPart]:
    """All combinations of the values of some keys, by part; the last key varies fastest.

    A key is `depth`, `train.lr`, or one with options, `init`, whose values are these or their names. A list, a tuple, a
    range or an array is swept over, all else holds for every job; of a key that is a list itself (`claims`) a list of
    lists is swept over. Raises `SettingError` for an unknown key, and for one without a value.
    """
    with_keys = [field.name for field in dataclasses.fields(settings) if _has_keys(settings, field.name)]
    options = {key: _values(settings, key, value) for key, value in keys.items() if key in with_keys}
    parts = []
    for chosen in itertools.product(*options.values()):
        first = settings
        for key, option in zip(options, chosen, strict=True):
            first = with_value(first, key, option)
        swept = {key: _values(first, key, value) for key, value in keys.items() if key not in options}
        jobs = []
        for point in itertools.product(*swept.values()):
            job = first
            for key, value in zip(swept, point, strict=True):
                job = with_value(job, key, value)
            jobs.append(job)
        parts.append(GridPart(tuple(jobs), overrides(first, swept)))
    return parts


def with_value(settings: Any, key: str, value: Any, prefix: str = "") -> Any:
    """The settings with another value of a key, such as `train.lr`. Raises `SettingError` where there is none."""
    name, _, rest = key.partition(".")
    names = [field.name for field in dataclasses.fields(settings) if field.name not in ("study", "name")]
    if name not in names or (rest and not dataclasses.is_dataclass(getattr(settings, name))):
        raise SettingError(f"unknown key {one_of(prefix + key, [prefix + known for known in names])}")
    if rest:
        value = with_value(getattr(settings, name), rest, value, f"{prefix}{name}.")
    return dataclasses.replace(settings, **{name: value})


def overrides(settings: Settings, swept: Mapping[str, Sequence[Any]]) -> tuple[str, ...]:
    """What `reslim train` is to be told for these settings, swept over some keys.

    The keys that are not at their defaults; all that are content where an option is chosen that may bring values of
    others along.
    """
    default = type(settings)(study=settings.study)
    bring = ("preset", "figure", *kinds(type(settings)))
    every = any(_name(getattr(settings, key)) != _name(getattr(default, key)) for key in bring)
    usual = {entry.key: entry.value for entry in describe(default)}
    lines = [f"study={settings.study}"]
    for entry in describe(settings):
        if entry.key == "study" or entry.key in swept or entry.field.metadata["sparse"]:
            continue
        if entry.key not in usual or entry.value != usual[entry.key] or (every and entry.field.metadata["content"]):
            lines.append(f"{entry.key}={_word(entry.value)}")
    lines += [f"{key}={','.join(map(_word, values))}" for key, values in swept.items()]
    return tuple(lines)


def _name(value: Any) -> Any:
    return value.name if isinstance(value, Option) else value


def _has_keys(settings: Settings, name: str) -> bool:
    """Whether a key has keys of its own: an option, or a group such as `train`."""
    return dataclasses.is_dataclass(getattr(settings, name))


def _listed(value: Any) -> list[Any]:
    value = plain_values(value)
    return value if isinstance(value, list) else [value]


def _values(settings: Settings, key: str, value: Any) -> list[Any]:
    values, kind = _listed(value), next((entry.type for entry in describe(settings) if entry.key == key), None)
    if is_list(kind) and _depth(values) <= nesting(kind):
        return [plain_values(value)]
    if not values:
        raise SettingError(f"{key}: expected a value, or a list of one or more, got {value!r}")
    return values


def _depth(value: Any) -> int:
    """How many lists are in each other in a value."""
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list | tuple) else 0


def _word(value: Any) -> str:
    """A value as an override has it."""
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_word, value))}]"
    if isinstance(value, str) and not PLAIN_WORD.fullmatch(value):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return value if isinstance(value, str) else json.dumps(value)
