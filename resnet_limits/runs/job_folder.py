"""The folder of a job: how it is queued, and what it shows."""

from __future__ import annotations

import errno
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from ..errors import SettingError
from ..files import new_folder, read_text, tail, write_text
from ..settings.base import Settings
from ..settings.build import from_mapping
from ..settings.content import job_name
from . import status as states
from .status import Status

LAUNCHER = "launcher"
"""The folder beside `jobs/` of a run: what Hydra and its launcher write, and who launches."""


class _Plain(yaml.SafeLoader):
    """YAML without references: ten lines of them can stand for more than any memory holds."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("a reference")
        return super().compose_node(parent, index)


def settings_of(folder: Path) -> Settings | None:
    """The settings of the job of this folder; None where they cannot be read, or are not its own."""
    try:
        values: Any = yaml.load(read_text(folder / "config.yaml"), _Plain)
        settings = from_mapping(values)
    except (OSError, yaml.YAMLError, SettingError):
        return None
    except (ValueError, TypeError, AttributeError, ArithmeticError, RecursionError):  # of values of any shape
        return None
    return settings if job_name(settings) == folder.name else None


def queue(run: Path, settings: Settings) -> Path:
    """Write the folder of a job that is to be run; leave one that is there already alone."""
    folder = run / "jobs" / job_name(settings)
    if not folder.parent.is_dir():  # a run that was moved is not made anew where it was
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(folder.parent))
    with new_folder(folder):
        if settings_of(folder) is None:
            write_text(folder / "config.yaml", yaml.safe_dump(asdict(settings), sort_keys=False))
        if not (folder / "status.json").exists():
            states.write_status(folder, Status("queued"))
    return folder


@dataclass(frozen=True)
class JobFolder:
    """A job as its folder shows it."""

    path: Path
    settings: Settings
    status: Status

    @property
    def name(self) -> str:
        return self.path.name

    def refreshed(self) -> JobFolder:
        """The same job with the state that its folder shows now."""
        return replace(self, status=states.read_status(self.path))

    def last_log_lines(self, count: int = 5) -> list[str]:
        try:
            return tail(self.path / "log.txt")[-count:]
        except OSError:
            return []
