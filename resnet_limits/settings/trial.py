"""Parts of a user's own, tried on a small example before a job starts, and what they return held against its shape."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from ..errors import SettingError
from .choices import choices


def tried(jobs: Iterable[Any]) -> None:
    """Try the parts of a user's own that the settings of jobs choose, each once, on a small example.

    Raises `SettingError` with the key, and what was expected and got, or the line of the file that raised.
    """
    by_choice = {
        repr((choice.key, choice.name, choice.option)): (choice, job)
        for job in jobs
        for choice in choices(job, content=True)
    }
    for choice, job in by_choice.values():
        part: Any = choice.option or choice.registry[choice.name]
        if choice.file is None or not hasattr(part, "tried"):
            continue
        try:
            (part.of(choice.keys_beside(job)) if isinstance(part, type) else part).tried()
        except Exception as error:
            words = str(error) if isinstance(error, SettingError) else choice.file.blamed(error)
            raise SettingError(
                words if words.startswith(choice.key) else f"{choice.key}={choice.name}: {words}"
            ) from error


def require_shape(what: str, value: Any, shape: tuple[int, ...], words: str) -> None:
    """Raise `SettingError` where what a part returned is no array of this shape, all finite."""
    got = tuple(getattr(value, "shape", ())) if hasattr(value, "shape") else None
    if got != shape:
        it = f"shape {got}" if got is not None else f"{type(value).__name__}"
        raise SettingError(f"{what} returns {it}; expected shape {shape}: {words}")
    if not math.isfinite(float(abs(value).sum())):
        raise SettingError(f"{what} returns values that are not finite")
