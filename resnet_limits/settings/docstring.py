"""What `help(rl.Ode)` says of keys: type, default, meaning and range of each, from what the keys declare."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import textwrap
import typing
from collections.abc import Mapping
from typing import Any

from .keys import _types, range_in_words
from .registry import Option, Registry

LETTERS_A_LINE_OF_HELP = 100


@functools.cache
def with_keys(thing: Any) -> Any:
    """The same thing; the docstring of a class with keys goes on with these, one a paragraph."""
    if isinstance(thing, type) and dataclasses.is_dataclass(thing):
        keys = [field for field in dataclasses.fields(thing) if "meaning" in field.metadata]
        if keys:
            said = "\n".join(_said(field, _types(thing)[field.name]) for field in keys)
            thing.__doc__ = f"{inspect.cleandoc(thing.__doc__ or '')}\n\nKeys:\n\n{said}"
    return thing


def _said(field: dataclasses.Field, kind: Any) -> str:
    words = [field.metadata["meaning"], _which(kind) or range_in_words(_of_ours(field.metadata))]
    filled = textwrap.wrap(
        "; ".join(filter(None, words)), LETTERS_A_LINE_OF_HELP, initial_indent="    ", subsequent_indent="    "
    )
    return "\n".join([f"{field.name}: {_type(kind)} = {_default(field)}", *filled])


def _of_ours(rule: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same, of the names of a registry those that are built in: others need not be importable yet, a file of a
    user's own while it is."""
    choices = rule["choices"]
    return {**rule, "choices": sorted(choices.built_in)} if isinstance(choices, Registry) else rule


def _which(kind: Any) -> str:
    """Of a key with keys of its own what it may be, by the names of the classes."""
    if not isinstance(kind, type) or not dataclasses.is_dataclass(kind):
        return ""
    if not issubclass(kind, Option):
        return f"{kind.__name__}({', '.join(field.name for field in dataclasses.fields(kind))})"
    return "one of " + ", ".join(f"{place.partition(':')[2]}()" for place in kind.options.built_in.values())


def _type(kind: Any) -> str:
    if type(None) in typing.get_args(kind):
        return " | ".join(_type(one) for one in typing.get_args(kind))
    return "None" if kind is type(None) else inspect.formatannotation(kind).rpartition(".")[2]


def _default(field: dataclasses.Field) -> str:
    if field.default_factory is dataclasses.MISSING:
        return repr(field.default)
    made = field.default_factory()
    return f"{type(made).__name__}()" if dataclasses.is_dataclass(made) else repr(made)
