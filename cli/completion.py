"""Completion of overrides in the shell: keys, the names that a key takes, those of `--with FILE` among them.

    reslim --install-completion
    reslim train --with my_law.py init=<TAB>

It says nothing where a request is wrong: the command itself does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from resnet_limits.errors import ReslimError
from resnet_limits.settings.registry import STUDIES

from .keys import all_keys, asked_study, names_for

SPLITS = "="
"""A word of its own in bash, which hands `init=wa` on as three."""


def completed(words: Sequence[str], incomplete: str) -> list[str]:
    """What an override may go on with: `init=wave_law` for `init=wa`, after the words of the request before it."""
    before = [word for word in words if word != SPLITS]
    if incomplete == SPLITS and words:  # bash, behind the sign
        return sorted(_names(before[-1], "", before))
    if len(words) > 1 and words[-1] == SPLITS:  # bash, in the value
        return sorted(_names(words[-2], incomplete, before))
    key, sign, start = incomplete.partition(SPLITS)
    if sign:
        return sorted(f"{key}={name}" for name in _names(key, start, before))
    return sorted({f"{key}=" for key in _keys() if key.startswith(incomplete)})


def completed_study(start: str) -> list[str]:
    """The studies that begin so; behind the dot of a study's name, its claims."""
    from resnet_limits.studies import study

    name, dot, _ = start.partition(".")
    if not dot:
        return [name for name in STUDIES if name.startswith(start)]
    try:
        return [claim.id for claim in study.get(name).claims if claim.id.startswith(start)]
    except ReslimError:
        return []


def completed_section(start: str) -> list[str]:
    """What of a study can be listed."""
    from .studies import SECTIONS

    return [section for section in SECTIONS if section.startswith(start)]


def _names(key: str, start: str, words: Sequence[str]) -> list[str]:
    try:
        return [name for name in names_for(key, asked_study(words)) if name.startswith(start)]
    except ReslimError:
        return []


def _keys() -> Iterator[str]:
    """The keys of all studies: another may be chosen yet."""
    try:
        yield from all_keys()
    except ReslimError:
        return
