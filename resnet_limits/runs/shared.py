"""Solutions that several jobs need, kept once under `shared/` of the run.

Each is a pure function of its key. The job that comes first computes it; a job that does not find it
computes it itself, with the same result, so two jobs never wait for each other and the folder may be deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from ..settings import digest
from .files import whole


class SharedFolder:
    """Shared solutions in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def solve(
        self, purpose: str, key: Mapping[str, Any], compute: Callable[[], dict[str, np.ndarray]]
    ) -> dict[str, np.ndarray]:
        """The stored solution of this key, or `compute()`, then stored."""
        path = self.folder / f"{purpose}-{digest(key)}.safetensors"
        try:
            return load_file(path)
        except (OSError, SafetensorError):
            pass  # not there, or damaged: compute it
        solution = {name: np.ascontiguousarray(array) for name, array in compute().items()}
        self.folder.mkdir(parents=True, exist_ok=True)
        with whole(path) as beside:
            save_file(solution, beside)
        return solution
