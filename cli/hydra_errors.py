"""The one place where errors of Hydra and OmegaConf become our own, in one or two lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hydra.errors import HydraException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException

from resnet_limits.errors import SettingError, nearest, one_of
from resnet_limits.settings.base import Settings
from resnet_limits.settings.keys import flat
from resnet_limits.settings.registry import STUDIES, groups, options_of

OF_VALUES = (ValueError, AssertionError, TypeError, ArithmeticError, RecursionError)
"""What Hydra and OmegaConf let through where a value has a shape that they do not expect."""


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
        valid = options.group(1).split() if options else []
        known = ("joblib", "submitit_local", "submitit_slurm")
        hint = ' (pip install "reslim[launchers]" brings it)' if name in known else ""
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
    if match := re.search(r"Error merging override [^\s=]+=(.*)", text):
        return f"{_full_key(text)}: expected {_kind(_full_key(text))}, got {match.group(1).strip() or 'nothing'}"
    if "is not a valid value" in text or "Invalid value assigned" in text or "incompatible" in text:
        first = next(line for line in text.splitlines() if line.strip())
        return f"{_full_key(text)}: {first}"
    first = next((line.strip() for line in text.splitlines() if line.strip()), type(error).__name__)
    return f"{_full_key(text)}: {first}" if "full_key: " in text else first


def _kind(key: str) -> str:
    """What may stand where a value of another kind was given."""
    values = [flat(cls(study=study)) for study, cls in STUDIES.items()]
    if any(isinstance(its.get(key), list) for its in values):
        return "a list of integers such as [1,3] (a sweep: [1],[3])"
    if key in ("claims", "sinks"):
        return "a list of names such as [a, b], or null"
    inside = [name for name in values[0] if name.startswith(f"{key}.")]
    return f"its keys, one by one, such as {inside[0]}=..." if inside else "a value"


def _full_key(text: str) -> str:
    match = re.search(r"full_key: (\S+)", text)
    return match.group(1) if match else "the configuration"


def _unparsable(text: str, overrides: Sequence[str]) -> str:
    for override in overrides:
        if override in text:
            return override
    return text.splitlines()[0]


def unknown_key(name: str, overrides: Sequence[str]) -> str:
    """An unknown key, or a key of another study or option, which the one chosen does not use."""
    study = next((o.split("=", 1)[1].strip("'\" ") for o in reversed(overrides) if o.startswith("study=")), "ode")
    settings = STUDIES[study](study=study) if study in STUDIES else None
    valid = list(flat(settings)) if settings else []
    is_of_figure = any(o.startswith("figure=") for o in overrides)  # which has a study of its own
    owner = _owner(name, None if is_of_figure else settings)
    if options_of(name):
        return f"{name}: expected the name of one option: {', '.join(options_of(name))}"
    if owner:
        return f"{name}: this run does not use it; it exists with {owner}"
    return (
        f"unknown key '{name}'{nearest(name, valid + _option_keys()) or '.'} Keys of study {study}: {', '.join(valid)}"
    )


def _option_keys() -> list[str]:
    return [f"{group}.{key}" for group, _, keys in _options() for key in keys]


def _options() -> Iterator[tuple[str, str, list[str]]]:
    for base, options in groups().items():
        for option, cls in options.items():
            yield base.__name__.lower(), option, [key for key in cls.__dataclass_fields__ if key != "name"]


def _owner(name: str, settings: Settings | None) -> str:
    """`init=rough or init=fractional` for `init.hurst`; `study=gamma` for a key of another study."""
    owners = [f"{group}={option}" for group, option, keys in _options() if name in [f"{group}.{k}" for k in keys]]
    studies = [f"study={s}" for s, cls in STUDIES.items() if name in flat(cls(study=s))]
    return " or ".join(owners or [s for s in studies if settings is None or s != f"study={settings.study}"])
