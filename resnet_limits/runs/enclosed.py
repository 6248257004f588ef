"""A run folder may come from anywhere: what is written into it must not go through a link to elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import RunFolderError

OTHERS = (".submitit", "wandb")
"""Folders in which other programs make absolute links, to places that in a copy of a run are elsewhere."""


def require_enclosed(run: Path) -> None:
    """Raise `RunFolderError` for a link in a run folder that leads out of it; those of other programs are removed."""
    root = os.path.realpath(run)
    for folder, folders, files in os.walk(root):
        for path in (os.path.join(folder, name) for name in (*folders, *files)):
            if os.path.islink(path) and not (target := os.path.realpath(path)).startswith(root + os.sep):
                if not set(OTHERS) & set(Path(folder).relative_to(root).parts):
                    raise RunFolderError(f"{path} is a link out of the run folder, to {target}; remove it to go on")
                os.unlink(path)
