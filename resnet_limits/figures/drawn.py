"""What is drawn already: of each figure of a folder a digest of all that it shows, and its files as they were written.

A figure is drawn again where its content, the code that draws, or one of its files is another.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib as mpl

from ..files import read_bytes, read_json, write_json

FILE = ".drawn.json"
PACKAGE = Path(__file__).resolve().parents[1]
CODE = ("figures", "claims")
"""Folders whose files draw, and fit what is drawn."""


@dataclass
class Drawn:
    """The figures of a folder: by name a digest of what it shows, and the digests of its files by suffix."""

    folder: Path
    figures: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path) -> Drawn:
        """As the folder says; nothing where it says nothing, or what we would not have written."""
        document = read_json(folder / FILE)
        entries = document.items() if isinstance(document, dict) else ()
        return cls(folder, {name: entry for name, entry in entries if _is_entry(entry)})

    def holds(self, name: str, shows: str, formats: Sequence[str]) -> bool:
        """Whether this figure is there, in these formats (or in none, of one that has nothing to show)."""
        entry = self.figures.get(name)
        if entry is None or entry["shows"] != shows:
            return False
        files: Mapping[str, str] = entry["files"]
        return not files or all(self._is(f"{name}.{suffix}", files.get(suffix)) for suffix in formats)

    def is_empty(self, name: str) -> bool:
        """Whether there was nothing to draw."""
        return not self.figures[name]["files"]

    def note(self, name: str, shows: str, formats: Sequence[str]) -> None:
        """Remember a figure that was written."""
        files = {suffix: digest_of_bytes(read_bytes(self.folder / f"{name}.{suffix}")) for suffix in formats}
        self.figures[name] = {"shows": shows, "files": files}

    def keep(self, names: Sequence[str]) -> None:
        """Write down what is known of these figures alone."""
        write_json(self.folder / FILE, {name: self.figures[name] for name in names if name in self.figures})

    def _is(self, name: str, written: str | None) -> bool:
        try:
            return written is not None and digest_of_bytes(read_bytes(self.folder / name)) == written
        except OSError:
            return False


def _is_entry(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("shows"), str) and isinstance(entry.get("files"), dict)


def digest_of_bytes(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@cache
def code_of(draw: Callable[..., Any]) -> str:
    """A digest of what draws: our own files, the file of this function, and matplotlib."""
    ours = sorted(path for name in CODE for path in (PACKAGE / name).rglob("*.py"))
    source = inspect.getsourcefile(draw)
    files = [*ours, *([Path(source)] if source else [])]
    return digest_of_bytes("".join([mpl.__version__, *(digest_of_bytes(path.read_bytes()) for path in files)]).encode())
