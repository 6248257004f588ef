"""Solutions that several jobs need, kept once under `shared/` of the run.

    PURPOSE-KEY-SHA256.safetensors      KEY a hash of the key and engine, SHA256 that of the content
    PURPOSE-KEY-HOST.lock               locked by the job of this host that computes it

Each is a pure function of its key. The job that comes first computes it; others of its host that need it meanwhile wait
for it under a lock, which the system lets go of when a process ends. A job that does not find it, on another host or
because the folder was deleted, computes it itself, with the same result.
A file whose content is not what its name says was cut short or changed: it is computed again.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from ..files import plain, read_bytes, whole
from ..measurement.job import by_name
from ..settings.content import digest
from .lease import as_name


class SharedFolder:
    """Shared solutions in a folder; those that were computed in another `way` of an engine are no solutions here."""

    def __init__(self, folder: Path, *, way: str = "") -> None:
        self.folder, self.way = folder, way

    def solve(
        self, purpose: str, key: Mapping[str, Any], compute: Callable[[], dict[str, np.ndarray]]
    ) -> dict[str, np.ndarray]:
        """The stored solution of this key, or `compute()`, then stored where there is room."""
        name = f"{purpose}-{digest({'engine': self.way, **key})}"
        if (stored := self._stored(name)) is not None:
            return stored
        with self._turn(name):
            if (stored := self._stored(name)) is not None:  # by the job that had its turn before
                return stored
            solution = _laid_out({label: np.ascontiguousarray(array) for label, array in compute().items()})
            self._store(name, save(solution))
            return solution

    def _stored(self, name: str) -> dict[str, np.ndarray] | None:
        for path in sorted(self.folder.glob(f"{name}-*.safetensors")):
            with contextlib.suppress(OSError, SafetensorError):
                if path.name == _named(name, content := read_bytes(path)):
                    return _laid_out(load(content))
        return None

    def _store(self, name: str, content: bytes) -> None:
        with contextlib.suppress(OSError):  # a job that cannot keep it still has it
            self.folder.mkdir(exist_ok=True)
            with whole(self.folder / _named(name, content)) as beside:
                beside.write_bytes(content)

    @contextlib.contextmanager
    def _turn(self, name: str) -> Iterator[None]:
        """Hold the lock on a solution, waiting for it; where nothing can be locked, nobody waits."""
        with contextlib.ExitStack() as held:
            with contextlib.suppress(OSError):
                self.folder.mkdir(exist_ok=True)
                path = self.folder / f"{name}-{as_name(socket.gethostname())}.lock"
                held.callback(os.close, descriptor := plain(path, os.O_RDWR | os.O_CREAT))
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield


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
