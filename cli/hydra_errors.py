"""The one place where errors of Hydra and OmegaConf become our own, in one or two lines."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hydra.errors import HydraException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException

from resnet_limits.errors import SettingError, one_of
from resnet_limits.settings.registry import Registry

from .keys import asked_study, declared, names_for, unknown_key
from .launchers import LAUNCHERS
from .overrides import OF_VALUES


@contextmanager
def translated(overrides: Sequence[str], key: str = "") -> Iterator[None]:
    """Raise Hydra's and OmegaConf's errors as `SettingError`, by the name of the key where it is known."""
    try:
        yield
    except (HydraException, OmegaConfBaseException, *OF_VALUES) as error:
        words = _in_words(error, overrides)
        raise SettingError(words if key in words else f"{key}: {words}") from None


def _in_words(error: Exception, overrides: Sequence[str]) -> str:
    chain: list[BaseException] = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(cause)
    text = "\n".join(str(e) for e in chain)

    if match := re.search(r"Could not find '([\w/]+)/([^'/]*)'", text):
        group, name = match.groups()
        options = re.search(r"Available options in '[^']*':\s*((?:\n?\s*\S+)+?)(?:\n\S*[A-Z]|\Z)", text)
        valid = names_for(group, asked_study(overrides)) or (options.group(1).split() if options else [])
        if isinstance(valid, Registry):
            return f"{group}: unknown option {valid.unknown(name)}"
        hint = ' (pip install "reslim[launchers]" brings it)' if group == "hydra/launcher" and name in LAUNCHERS else ""
        return f"{group}: unknown option {one_of(name, valid)}{hint}"
    if match := re.search(r"Could not override '([^']+)'", text):
        return unknown_key(match.group(1), overrides)
    if match := re.search(r"Key '([^']+)' (?:is )?not in", text):
        full = re.search(r"full_key: (\S+)", text)
        return unknown_key(full.group(1) if full else match.group(1), overrides)
    if match := re.search(r"Value '(.*)' of type '\w+' could not be converted to (\w+)", text):
        value, kind = match.groups()
        words = {"Integer": "an integer", "Float": "a number", "String": "a word"}
        return f"{_full_key(text)}: expected {words.get(kind, kind)}, got '{value}'"
    if isinstance(error, OverrideParseException):
        return f"cannot read '{error.override}'; an override is KEY=VALUE, and a sweep is KEY=VALUE,VALUE"
    if re.search(
        r"(mismatched input|token recognition error|extraneous input|no viable alternative|missing EQUAL)", text
    ):
        override = re.search(r"'([^']*)'\)?\s*$", text.splitlines()[0]) if "LexerNoViable" in text else None
        bad = override.group(1) if override else _unparsable(text, overrides)
        return f"cannot read '{bad}'; an override is KEY=VALUE, and a sweep is KEY=VALUE,VALUE"
    if match := re.search(r"Error merging override \+*([^\s=]+)=(.*)", text):
        key, got = match.group(1), match.group(2).strip() or "nothing"  # what is full_key may be an element of a list
        return f"{key}: expected {_kind(key, overrides)}, got {got}"
    if "is not a valid value" in text or "Invalid value assigned" in text or "incompatible" in text:
        first = next(line for line in text.splitlines() if line.strip())
        return f"{_full_key(text)}: {first}"
    first = next((line.strip() for line in text.splitlines() if line.strip()), type(error).__name__)
    return f"{_full_key(text)}: {first}" if "full_key: " in text else first


def _kind(key: str, overrides: Sequence[str]) -> str:
    """What may stand where a value of another kind was given."""
    entry = declared(key, asked_study(overrides))
    kinds = () if entry is None else (entry.type, *typing.get_args(entry.type))
    if list[list[int]] in kinds:
        return "lists of integers such as [[1,2,0],[1,0,2]]"
    if list[int] in kinds:
        return "a list of integers such as [1,3] (a sweep: [1],[3])"
    return "a list of names such as [a, b], or null" if list[str] in kinds else "a value"


def _full_key(text: str) -> str:
    match = re.search(r"full_key: (\S+)", text)
    return match.group(1) if match else "the configuration"


def _unparsable(text: str, overrides: Sequence[str]) -> str:
    for override in overrides:
        if override in text:
            return override
    return text.splitlines()[0]
