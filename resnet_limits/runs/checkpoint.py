"""States of a running job under `jobs/CHECKPOINT_NAME/checkpoint/`, from which it goes on after an interruption.

    PART-NUMBER-SHA256.safetensors      arrays, and as the file's metadata the values, in JSON

One file is one state: weights, optimiser, position in the data and the records so far (generators have no state here:
every random number is a function of what it is for). It is written beside, brought to the disk and renamed into place,
the last two of each part and way of an engine are kept, and the name says what SHA-256 the content must have: a file
that was cut short or changed is noticed, said in the log, and the one before is used. Nothing in it can execute code.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ..errors import OutputError
from ..files import beside as named_beside
from ..measurement.checkpoints import State
from .interruption import Interruption
from .provenance import version
from .status import file_digest

CHECKPOINTS_KEPT = 2
FIRST_WAY = "eager"
"""That of states which name none: there was no other engine."""
CHECKPOINT_NAME = re.compile(r"(?P<part>.+)-(?P<number>\d+)-(?P<digest>[0-9a-f]{64})\.safetensors")


class FolderCheckpoints:
    """Checkpoints of one part of a job in the folder `checkpoint/` of the job.

    A state goes on in the way of an engine that it was computed in (`Engine.way`); others leave it alone. `log` is
    told which are used and not; `interruption` says when one is wanted, and stops the job once it is there.
    """

    def __init__(
        self,
        folder: Path,
        log: Callable[[str], None],
        interruption: Interruption | None = None,
        part: str = "job",
        *,
        way: str = FIRST_WAY,
    ) -> None:
        self.folder, self._log, self._part, self.way = folder, log, part, way
        self._interruption = interruption

    def part(self, name: str) -> FolderCheckpoints:
        return FolderCheckpoints(self.folder, self._log, self._interruption, f"{self._part}.{name}", way=self.way)

    def wanted(self) -> bool:
        return self._interruption is not None and self._interruption.wanted()

    def load(self) -> State | None:
        """The newest state that is intact and of this version of reslim; others are removed, and the log says why."""
        for _, path in reversed(self._files()):
            try:
                state, its_way = _read(path)
            except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
                self._log(f"checkpoint {path.name} cannot be used: {error}; trying the one before")
                with contextlib.suppress(OSError):
                    path.unlink()
            else:
                if its_way != self.way:
                    self._log(f"checkpoint {path.name} is of engine {its_way}, not {self.way}: it is left alone")
                    continue
                self._log(f"going on from checkpoint {path.name}")
                return state
        return None

    def save(self, state: State) -> None:
        """Raises `OutputError` with the reason where it cannot be written; those saved before stay.

        Raises `Interrupted` once the state is there where the job is to stop.
        """
        files = self._files()
        number = files[-1][0] + 1 if files else 1
        metadata = {"version": version(), "engine": self.way, "values": json.dumps(state.values, default=_plain)}
        arrays = {name: np.asarray(array, order="C") for name, array in state.arrays.items()}
        beside = named_beside(self.folder / f"{self._part}-{number:06d}")
        try:
            self.folder.mkdir(exist_ok=True)
            save_file(arrays, beside, metadata)
            _to_disk(beside)
            os.replace(beside, self.folder / f"{self._part}-{number:06d}-{file_digest(beside)}.safetensors")
        except (OSError, SafetensorError) as error:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
            reason = getattr(error, "strerror", None) or error
            raise OutputError(
                f"cannot write a checkpoint to {self.folder}: {reason}; make room, then resume the run"
            ) from None
        replaced = [path for _, path in files if _way_of(path) in (self.way, None)]
        for path in replaced[: len(replaced) + 1 - CHECKPOINTS_KEPT]:
            path.unlink(missing_ok=True)
        if self._interruption is not None:
            self._interruption.saved()

    def _files(self) -> list[tuple[int, Path]]:
        """Number and path of the states of this part, oldest first."""
        states = []
        for path in self.folder.glob("*.safetensors"):
            match = CHECKPOINT_NAME.fullmatch(path.name)
            if match and match["part"] == self._part:
                states.append((int(match["number"]), path))
        return sorted(states)


def way_of_states(folder: Path) -> str | None:
    """The way in which the newest state in a job's folder of checkpoints goes on; None where none can be used."""
    for path in sorted(folder.glob("*.safetensors"), key=lambda path: path.stat().st_mtime_ns, reverse=True):
        with contextlib.suppress(OSError, SafetensorError, ValueError, KeyError, TypeError):
            return _read(path)[1]
    return None


def _read(path: Path) -> tuple[State, str]:
    """The state, and the way of an engine that it was computed in."""
    match = CHECKPOINT_NAME.fullmatch(path.name)
    if match is None or file_digest(path) != match["digest"]:
        raise ValueError("it is damaged, its SHA-256 is another")
    with safe_open(path, framework="np") as file:
        metadata = file.metadata() or {}
        if metadata.get("version") != version():
            raise ValueError(f"written by reslim {metadata.get('version')}, this is {version()}")
        arrays = {name: file.get_tensor(name) for name in sorted(file.keys())}
        return State(arrays, json.loads(metadata["values"])), metadata.get("engine", FIRST_WAY)


def _way_of(path: Path) -> str | None:
    """The way of a state, from its head alone; None where that cannot be read."""
    with contextlib.suppress(OSError, SafetensorError), safe_open(path, framework="np") as file:
        return (file.metadata() or {}).get("engine", FIRST_WAY)
    return None


def _to_disk(path: Path) -> None:
    """Wait until the content is on the disk: a rename may survive a power cut that the content does not."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def _plain(value: Any) -> Any:
    """A number of numpy as one of Python, the same bit for bit."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a checkpoint cannot hold {value!r}, {type(value).__name__}")
