"""Which sinks can be used here; nothing of them is imported to find out."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import metadata

from ..errors import SettingError
from ..settings.registry import SINKS


def version_of_sink(sink: str) -> str | None:
    """The version of the package behind a sink, None where it is not installed. Both are called like their sink."""
    try:
        return metadata.version(sink)
    except metadata.PackageNotFoundError:
        return None


def advice(sink: str) -> str:
    """The command that installs the package behind a sink."""
    return f'pip install "reslim[{sink}]"'


def require_sinks(sinks: Iterable[str]) -> None:
    """Raise `SettingError`, with the command that helps, where the package behind one of the sinks is missing."""
    asked = set(sinks)
    for sink in SINKS:
        if sink in asked and version_of_sink(sink) is None:
            raise SettingError(f"sinks=[{sink}]: the package {sink} is not installed; {advice(sink)}")
