"""A run folder may come from anywhere: it holds files and folders, and nothing that leads elsewhere or never ends."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ..errors import RunFolderError

FOLDERS_OF_OTHERS = (".submitit", "wandb")
"""Folders in which other programs make absolute links, to places that in a copy of a run are elsewhere."""
KINDS_OF_ENTRIES = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def require_enclosed(run: Path) -> None:
    """Raise `RunFolderError` for a link in a run folder that leads out of it, and for what is no file, folder or link.

    Such links of other programs are removed.
    """
    if odd := first_odd(run):
        raise RunFolderError(odd)
    root = os.path.realpath(run)
    for path in _all(root):
        if os.path.islink(path) and not (target := os.path.realpath(path)).startswith(root + os.sep):
            if not set(FOLDERS_OF_OTHERS) & set(Path(path).parent.relative_to(root).parts):
                raise RunFolderError(f"{path} is a link out of the run folder, to {target}; remove it to go on")
            os.unlink(path)


def first_odd(run: Path) -> str:
    """What in a run folder is no plain file, folder or link, in words; empty where there is nothing of the kind."""
    for path in _all(os.path.realpath(run)):
        with suppress(FileNotFoundError):  # a run that is under way has files that come and go
            if kind := KINDS_OF_ENTRIES.get(stat.S_IFMT(os.lstat(path).st_mode)):
                return f"{path} is {kind}, which no run folder has, and is not read; remove it to go on"
    return ""


def _all(root: str) -> Iterator[str]:
    for folder, folders, files in os.walk(root):
        yield from (os.path.join(folder, name) for name in (*folders, *files))
