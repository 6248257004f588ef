"""The settings that a claim measures at: its pins in place of what the request says. Free of torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from ..settings.registry import Option

Pinned = TypeVar("Pinned")


def pinned(settings: Pinned, pins: Mapping[str, Any]) -> Pinned:
    """The settings with these keys, in this order, by their dotted names: `{"init": "tied", "train.lr": 1.0}`.

    An option that is given by its name comes with its defaults. Raises `TypeError` for a key that there is not.
    """
    for key, value in pins.items():
        settings = _with(settings, key, value)
    return settings


def _with(settings: Any, key: str, value: Any) -> Any:
    name, _, inside = key.partition(".")
    current = getattr(settings, name, None)
    if inside:
        value = _with(current, inside, value)
    elif isinstance(current, Option):
        value = current.options[value]()
    return replace(settings, **{name: value})
