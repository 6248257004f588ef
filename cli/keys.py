"""Keys as a request names them: which there are, which of them take a name, and what is said of one that is none.

Nothing is imported but the settings of the asked study, and of the groups that it has; all studies and options are
where a key is not found, to say who has it.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import fields

from resnet_limits.errors import SettingError, closest, nearest
from resnet_limits.settings.keys import Entry, describe, flat
from resnet_limits.settings.registry import FIGURES, STUDIES, Option, groups, kinds, options_of

KEY = re.compile(r"[a-z]\w*(\.\w+)*")
FIRST_NAME = re.compile(r"[=\[,('\" ](\w+)(?=[.\],)'\" ]|$)")
"""What stands before the first dot of a name in a list of names."""


def asked_study(lines: Sequence[str]) -> str:
    """The study that overrides name, else the one whose claims they ask for, else that of a request that names none."""
    named = (line.split("=", 1)[1].strip("'\" ") for line in reversed(lines) if line.startswith("study="))
    return next(itertools.chain(named, studies_of_claims(lines)), "ode")


def studies_of_claims(lines: Sequence[str]) -> list[str]:
    """The studies that the last `claims=...` names before the first dots: `sde` of `claims=[sde.strong]`."""
    asked = next((line for line in reversed(lines) if line.startswith("claims=")), "")
    return [name for name in dict.fromkeys(FIRST_NAME.findall(asked)) if name in STUDIES]


def names_for(key: str, study: str) -> Collection[str]:
    """The names of which this key takes one, such as those of the laws of weights; empty for a key that takes a value
    of its own. A key of several studies is the asked one's."""
    if key in (registries := {"study": STUDIES, "figure": FIGURES}):
        return registries[key]
    if key == "preset":
        kept = (settings.__dataclass_fields__[key].metadata["choices"] for settings in _settings(study))
        return dict.fromkeys(itertools.chain(*kept))
    return options_of(key, *_settings(study)) if key.isidentifier() else ()


def kind_for(key: str, study: str) -> type[Option] | None:
    """What an option of this key of the asked study is; None of a key without options."""
    return next((kind for settings in _settings(study) if (kind := kinds(settings).get(key))), None)


def _settings(study: str) -> list[type]:
    """The asked study's settings; none where there is no such study. Raises `SettingError` where it is broken."""
    return [STUDIES[study]] if study in STUDIES else []


@functools.cache
def full_key(name: str, study: str) -> str:
    """The key of the asked study, else of another, that this is a short form of; any other name is itself."""
    if not name.isidentifier():
        return name
    asked = [(study, settings) for settings in _settings(study)]
    for of, settings in itertools.chain(asked, STUDIES.sound()):
        entries = list(describe(settings(study=of)))
        if any(entry.key == name for entry in entries):
            return name
        if long := [entry.key for entry in entries if entry.field.metadata.get("short") == name]:
            return long[0]
    return name


@functools.cache
def declared(key: str, study: str) -> Entry | None:
    """The key of the asked study, or of an option that it may have, else of another study; None where none has it."""
    asked = [(study, settings) for settings in _settings(study)]
    return next(
        (e for name, settings in itertools.chain(asked, STUDIES.sound()) for e in _entries(name, settings, key)), None
    )


def _entries(name: str, settings: type, key: str) -> Iterator[Entry]:
    """The key of these settings, with any of the options of its group."""
    yield from (entry for entry in describe(settings(study=name)) if entry.key == key)
    group, _, rest = key.partition(".")
    if rest and group in kinds(settings):
        for _, option in kinds(settings)[group].options.sound():
            yield from (entry for entry in describe(option(), f"{group}.") if entry.key == key)


def all_keys() -> Iterator[str]:
    """Every key of every study, and of every option."""
    for name, settings in STUDIES.sound():
        yield from flat(settings(study=name))
        for group, kind in kinds(settings).items():
            yield from (entry.key for _, option in kind.options.sound() for entry in describe(option(), f"{group}."))


def require_keys(words: Sequence[str]) -> None:
    """Raise `SettingError` for the first `KEY=VALUE` whose key there is nowhere, before anything else is imported: a
    slip of the finger is answered at once. Other words, and the keys of Hydra, are left to whoever reads the rest."""
    study = asked_study(words)
    for word in words:
        key, sign, _ = word.partition("=")
        if sign and KEY.fullmatch(key) and not key.startswith("hydra"):
            require_key(full_key(key, study), words)


def require_key(key: str, lines: Sequence[str]) -> None:
    """Raise `SettingError` for a key that neither the asked study nor another has."""
    study = asked_study(lines)
    if declared(key, study) is not None:
        return
    if inside := next((name for name in all_keys() if name.startswith(f"{key}.")), None):
        raise SettingError(f"{key}: expected its keys, one by one, such as {inside}=...")
    if (group := key.removesuffix(".name")) != key and (names := names_for(group, study)):
        raise SettingError(f"{key}: choose with {group}=..., one of {', '.join(names)}")
    raise SettingError(unknown_key(key, lines))


def unknown_key(name: str, lines: Sequence[str]) -> str:
    """What is said of an unknown key, or of a key of another study or option, which the one chosen does not use."""
    of_figure = any(line.startswith("figure=") for line in lines)  # which has a study of its own
    study = "" if of_figure else asked_study(lines)
    (settings,) = _settings(study) or (None,)
    if settings is not None and (kind := kinds(settings).get(name)):
        return f"{name}: expected the name of one option: {', '.join(kind.options)}"
    if owner := _owner(name, study):
        return f"{name}: this run does not use it; it exists with {owner}"
    if settings is None:
        return f"unknown key '{name}'{nearest(name, all_keys())}"
    having = kinds(settings)
    usable = [f"{group}.{key}" for group, _, keys in _options() if group in having for key in keys]
    words, entries = name.replace("_", " "), describe(settings(study=study))
    meant = [entry.key for entry in entries if entry.field.metadata["meaning"].startswith(words)]
    near = closest(name, [*flat(settings(study=study)), *usable])
    first, second, third = list(dict.fromkeys([*meant, *near]))[:3]
    near = f"did you mean '{first}', '{second}' or '{third}'?"
    return f"unknown key '{name}'; {near} reslim studies {study} lists all"


def _options() -> Iterator[tuple[str, str, list[str]]]:
    for group, options in groups().items():
        for option, cls in options.sound():
            yield group, option, [field.name for field in fields(cls) if field.name != "name"]


def _owner(name: str, study: str) -> str:
    """`init=rough or init=fractional` for `init.hurst`; `study=gamma` for a key of another study."""
    owners = [f"{group}={option}" for group, option, keys in _options() if name in [f"{group}.{k}" for k in keys]]
    studies = [
        f"study={other_study}"
        for other_study, cls in STUDIES.sound()
        if other_study != study and name in flat(cls(study=other_study))
    ]
    return " or ".join(owners or studies)
