"""Solutions that several jobs need, kept once under `shared/` of the run.

    PURPOSE-KEY-SHA256.safetensors      KEY a hash of the key, SHA256 that of the content

Each is a pure function of its key. The job that comes first computes it; a job that does not find it
computes it itself, with the same result, so two jobs never wait for each other and the folder may be deleted.
A file whose content is not what its name says was cut short or changed: it is computed again.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from ..files import read_bytes, whole
from ..measurement.job import by_name
from ..settings.content import digest


class SharedFolder:
    """Shared solutions in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def solve(
        self, purpose: str, key: Mapping[str, Any], compute: Callable[[], dict[str, np.ndarray]]
    ) -> dict[str, np.ndarray]:
        """The stored solution of this key, or `compute()`, then stored where there is room."""
        name = f"{purpose}-{digest(key)}"
        for path in sorted(self.folder.glob(f"{name}-*.safetensors")):
            with contextlib.suppress(OSError, SafetensorError):
                if path.name == _named(name, content := read_bytes(path)):
                    return _laid_out(load(content))
        solution = _laid_out({name: np.ascontiguousarray(array) for name, array in compute().items()})
        content = save(solution)
        with contextlib.suppress(OSError):  # a job that cannot keep it still has it
            self.folder.mkdir(exist_ok=True)
            with whole(self.folder / _named(name, content)) as beside:
                beside.write_bytes(content)
        return solution


def _laid_out(solution: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A solution as it is handed out, computed or read: in one order, and alike in memory."""
    return {name: _aligned(array) for name, array in by_name(solution).items()}


def _aligned(array: np.ndarray) -> np.ndarray:
    """A copy at a multiple of 64 bytes: products round with the place of a matrix in memory, so that of a solution that
    was computed and of one that was read must be alike."""
    memory = np.empty(array.nbytes + 64, np.uint8)
    start = -memory.ctypes.data % 64
    copy = memory[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def _named(name: str, content: bytes) -> str:
    return f"{name}-{hashlib.sha256(content).hexdigest()}.safetensors"
