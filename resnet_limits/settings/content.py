"""What determines a job: its content, and the name that is a hash of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from typing import Any

from .base import Settings
from .keys import Entry, describe


def content(settings: Settings) -> dict[str, Any]:
    """The keys that determine what a job records, flat."""
    return {e.key: e.value for e in describe(settings) if _counts(e)}


def _counts(entry: Entry) -> bool:
    rule = entry.field.metadata
    return rule["content"] and not (rule["sparse"] and entry.value is None)


def chosen_keys(settings: Settings, names: Collection[str]) -> dict[str, Any]:
    """The keys of these names, with those of the option or the group under them, and the files of a user's own: what a
    shared solution depends on.

    A sparse key without a value is left out, as it is of the content. Raises `KeyError` for a name that no key has.
    """
    values, sparse = content(settings), {e.key for e in describe(settings) if e.field.metadata["sparse"]}
    names = [*names, "parts"] if "parts" in values else names
    keys_by_name = {name: [key for key in values if key == name or key.startswith(f"{name}.")] for name in names}
    if missing := [name for name, keys in keys_by_name.items() if not keys and name not in sparse]:
        raise KeyError(f"study={settings.study} has no key {', '.join(missing)} that is content of a job")
    return {key: values[key] for keys in keys_by_name.values() for key in keys}


def digest(values: Mapping[str, Any]) -> str:
    """A short hash of plain values that does not depend on their order or on how a number was typed."""
    normal = {k: int(v) if isinstance(v, float) and v.is_integer() else v for k, v in values.items()}
    return hashlib.sha256(json.dumps(normal, sort_keys=True).encode()).hexdigest()[:10]


def job_name(settings: Settings) -> str:
    """`64-1f0c2a9d3b`: the depth and a short hash of the content."""
    return f"{settings.depth}-{digest(content(settings))}"
