"""Types, choices and ranges of all keys, held against what they declare."""

from __future__ import annotations

import dataclasses
import math
import re
import typing
from collections.abc import Collection, Mapping
from typing import Any

from ..errors import SettingError, one_of
from .base import Settings
from .keys import _types, describe, in_range, range_in_words
from .registry import STUDIES, Option, Registry


def check_values(settings: Settings) -> None:
    """Check types, choices and ranges of all keys. Raises `SettingError` naming the key and what is allowed."""
    require_settings(settings)
    for name, kind in _types(type(settings)).items():
        if dataclasses.is_dataclass(kind) and not isinstance(value := getattr(settings, name), typing.cast(type, kind)):
            raise SettingError(f"{name}: expected {_instances(typing.cast(type, kind))}, got {value!r}")
    for entry in describe(settings):
        _check_value(entry.key, entry.value, entry.type, entry.field.metadata)


def require_settings(settings: Any) -> None:
    """Raise `SettingError` for what is no settings of a study."""
    if isinstance(settings, Settings):
        return
    if isinstance(settings, str):
        known = {name: f"rl.{STUDIES[name].__name__}()" for name in STUDIES.built_in}
        wrong = "" if settings in known else f"; unknown study {one_of(settings, known)}"
        raise SettingError(f"expected settings of a study, got {settings!r}{wrong or '; write ' + known[settings]}")
    if isinstance(settings, type) and issubclass(settings, Settings):
        raise SettingError(f"expected settings of a study, got their class; write rl.{settings.__name__}()")
    raise SettingError(f"expected settings of a study such as rl.Ode(), got {settings!r}")


def _instances(kind: type) -> str:
    """`Train()`, or `one of FractionalLaw(), IidLaw(), ...`: what may stand under a key that has keys of its own."""
    if not issubclass(kind, Option):
        return f"{kind.__name__}()"
    return "one of " + ", ".join(f"{option.__name__}()" for _, option in kind.options.sound())


def _check_value(name: str, value: Any, kind: Any, rule: Mapping[str, Any]) -> None:
    optional = type(None) in typing.get_args(kind)
    if value is None and optional:
        return
    base = next(a for a in typing.get_args(kind) if a is not type(None)) if optional else kind
    if typing.get_origin(base) is list:
        (item,) = typing.get_args(base)
        _check_list(name, value, item, rule)
        return
    if base is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, base) or (isinstance(value, bool) and base is not bool):
        word = {int: "an integer", float: "a number", str: "a word", bool: "true or false"}[base]
        raise SettingError(f"{name}: expected {word}, got {value!r}{_by_name(rule['choices'])}")
    if isinstance(value, float) and not math.isfinite(value):
        raise SettingError(f"{name}: expected a finite number, got {value}")
    _check_choice(name, value, rule["choices"])
    if rule["pattern"] and not re.fullmatch(rule["pattern"], str(value)):
        raise SettingError(f"{name}: expected {rule['form']}, got {value!r}")
    if not in_range(value, rule):
        raise SettingError(f"{name}: expected {range_in_words(rule)}, got {value}")


def _by_name(choices: Collection[str]) -> str:
    """What to do with a thing that was given in place of its name."""
    return "; a part of your own goes by its name, after rl.use([its file])" if isinstance(choices, Registry) else ""


def _check_choice(name: str, value: Any, choices: Collection[str]) -> None:
    """A value is one of its choices, if it has any, and can be used."""
    if choices and value not in choices:
        words = choices.unknown(str(value)) if isinstance(choices, Registry) else one_of(str(value), choices)
        raise SettingError(f"{name}: unknown value {words}")
    if isinstance(choices, Registry):
        choices.require(value)


def _check_list(name: str, values: Any, item: Any, rule: Mapping[str, Any]) -> None:
    """A list of names, of numbers, of different integers, or of lists of these, each as the rule says."""
    if typing.get_origin(item) is list:
        (within,) = typing.get_args(item)
        if not isinstance(values, list) or not values or not all(isinstance(value, list) for value in values):
            raise SettingError(f"{name}: expected one or more lists such as [[1, 2, 0], [1, 0, 2]], got {values!r}")
        for value in values:
            _check_list(name, value, within, rule)
        return
    allowed = (int, float) if item is float else item
    if not isinstance(values, list) or not all(isinstance(v, allowed) and not isinstance(v, bool) for v in values):
        example = {str: "names such as [a, b]", int: "integers such as [1, 3]", float: "numbers such as [0.4, 1]"}[item]
        raise SettingError(f"{name}: expected a list of {example}, got {values!r}")
    if item is int and (not values or len(set(values)) < len(values)):
        raise SettingError(f"{name}: expected one or more different integers, got {values!r}")
    if item is float and not all(map(math.isfinite, values)):
        raise SettingError(f"{name}: expected finite numbers, got {values!r}")
    for value in values:
        _check_choice(name, value, rule["choices"])
        if not in_range(value, rule):
            raise SettingError(f"{name}: expected {range_in_words(rule)}, got {value}")
