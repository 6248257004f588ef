"""What a key is: its default, meaning and range, declared on a field of a settings dataclass."""

from __future__ import annotations

import dataclasses
import functools
import typing
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from ..errors import SettingError, one_of


def key(
    default: Any,
    meaning: str,
    *,
    choices: Collection[str] = (),
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    below: float | None = None,
    pattern: str = "",
    form: str = "a name",
    content: bool = True,
    sparse: bool = False,
    short: str = "",
) -> Any:
    """One key: its default, meaning and range.

    `low <= value <= high`, `above < value < below`; a word, or each of a list of words, is one of `choices`; a word
    matches `pattern`, which `form` says in words. A key with `content=False` does not change what a job records: jobs
    that differ only in such keys are the same job. One that is `sparse` is content where it has a value: jobs without
    are named as if there were no such key. `short` is a word without a dot that a command line takes for the key.
    """
    metadata = dict(meaning=meaning, choices=choices, low=low, high=high, above=above, below=below)
    metadata |= {"pattern": pattern, "form": form, "content": content, "sparse": sparse, "short": short}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


def fixed(name: str, meaning: str, *, content: bool = True) -> Any:
    """A key that has this one value: the name of a study, or of an option."""
    return key(name, meaning, choices=(name,), content=content)


_types = functools.cache(typing.get_type_hints)  # evaluates texts, and is asked for every job of a sweep


def in_range(value: Any, rule: Mapping[str, Any]) -> bool:
    return (
        (rule["low"] is None or value >= rule["low"])
        and (rule["high"] is None or value <= rule["high"])
        and (rule["above"] is None or value > rule["above"])
        and (rule["below"] is None or value < rule["below"])
    )


def range_in_words(rule: Mapping[str, Any]) -> str:
    """`one of tanh, relu` or `at least 1 and at most 1000000`; empty where anything goes."""
    if rule["choices"]:
        return "one of " + ", ".join(rule["choices"])
    words = (("low", "at least"), ("above", "above"), ("high", "at most"), ("below", "below"))
    return " and ".join(f"{word} {rule[side]}" for side, word in words if rule[side] is not None)


class WithKeys:
    """What has keys, as fields of a dataclass: a keyword that is none is refused in words, and a tuple, a range, an
    array or one value stands for a list, a number of numpy for a plain one."""

    def __new__(cls, *values: Any, **keys: Any) -> Self:
        """Raises `SettingError` for a keyword that is no key."""
        if keys:
            names = [key.name for key in dataclasses.fields(typing.cast(Any, cls))]
            for name in keys:
                if name not in names:
                    raise SettingError(f"{cls.__name__}: unknown key {one_of(name, names)}")
        return super().__new__(cls)

    def __post_init__(self) -> None:
        types = _types(type(self))
        for name in (key.name for key in dataclasses.fields(typing.cast(Any, self))):
            given = getattr(self, name)
            value = plain_values(given)
            if isinstance(value, str | int | float) and is_list(types[name]):
                value = [value]
            if value is not given:
                setattr(self, name, value)


def plain_values(value: Any) -> Any:
    """Numbers of numpy and torch as those of Python; tuples, ranges and arrays as lists, also those in a list."""
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, list) and not any(isinstance(one, tuple | range) or hasattr(one, "tolist") for one in value):
        return value
    return [plain_values(one) for one in value] if isinstance(value, list | tuple | range) else value


def is_list(kind: Any) -> bool:
    """Whether a key of this type may be a list."""
    return nesting(kind) > 0


def nesting(kind: Any) -> int:
    """How many lists are in each other in a value of this type: 0, or of `list[list[int]] | None` 2."""
    return (typing.get_origin(kind) is list) + max(map(nesting, typing.get_args(kind)), default=0)


@dataclass(frozen=True)
class Entry:
    """One leaf key of some settings: dotted name, value, type and the dataclass field with its metadata."""

    key: str
    value: Any
    type: Any
    field: dataclasses.Field


def describe(settings: Any, prefix: str = "") -> Iterator[Entry]:
    """The leaf keys of some settings, in the order in which they are declared."""
    types = _types(type(settings))
    for f in dataclasses.fields(settings):
        value = getattr(settings, f.name)
        if dataclasses.is_dataclass(value):
            yield from describe(value, f"{prefix}{f.name}.")
        elif f.name == "name" and prefix:  # the chosen option of a group goes by the group's own name
            yield Entry(prefix.rstrip("."), value, types[f.name], f)
        else:
            yield Entry(prefix + f.name, value, types[f.name], f)


def flat(settings: Any) -> dict[str, Any]:
    """`{"depth": 64, "init": "smooth", "init.sigma_w": 1.0, ...}`."""
    return {entry.key: entry.value for entry in describe(settings)}
