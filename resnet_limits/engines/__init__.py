"""Engines: how states and gradients of residual networks are computed, and random networks walked. One file each;
`engine.py` says what one is."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING

from .engine import Engine

if TYPE_CHECKING:
    from ..settings.base import Settings

_ENGINE: ContextVar[Engine | None] = ContextVar("_ENGINE", default=None)


def default_engine() -> Engine:
    """The engine that networks run on, wherever they are trained or sampled: the one place that chooses."""
    return _ENGINE.get() or Engine.options["auto"]()


@contextlib.contextmanager
def computed_by(engine: str | Engine, say: Callable[[str], None] | None = None) -> Iterator[Engine]:
    """While this lasts, networks run on this engine, or one of this name; `say` hears, once each, for what another one
    is taken.

    Raises `SettingError` where none has this name.
    """
    taken: Engine = Engine.options[engine]() if isinstance(engine, str) else engine
    if say is not None:
        taken.reports_to(say)
    token = _ENGINE.set(taken)
    try:
        yield taken
    finally:
        _ENGINE.reset(token)


def require_engine(settings: Settings, uncompiled: Mapping[str, str]) -> None:
    """Raise `SettingError` where the engine that is asked for is not there, or lacks what these settings ask for, or
    what the groups that are asked for take (`Study.uncompiled`)."""
    if settings.engine != "auto":
        Engine.options[settings.engine]().require(settings, uncompiled)
