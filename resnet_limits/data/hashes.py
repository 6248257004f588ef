"""SHA-256 of files, kept from one command to the next by path, size and time of change.

    $XDG_CACHE_HOME/reslim/hashes/FOLDER.json      FOLDER a hash of the path; one entry a file

So a folder of 60,000 images that nobody touched is looked at and not read. A file that was changed less than
`NANOSECONDS_TO_SETTLE` before it was read may be changed again without a sign (clocks of file systems tick coarsely):
it is read again next
time. The kept file is replaced as a whole; one that is damaged, or cannot be written, costs time and nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import DamagedData
from ..files import read_json, whole
from .root import cache_folder

NANOSECONDS_TO_SETTLE = 2_000_000_000
"""Nanoseconds that must lie between the last change of a file and its reading (FAT counts in two seconds)."""
SECONDS_OF_SILENT_READING = 1.0
"""Seconds of reading after which it is said that files are read, and how often."""
Listener = Callable[[str], None]
"""Hears now and then how far the reading of many files is."""
Mark = tuple[int, int, int, int]
"""Size, time of change of the content and of the entry in nanoseconds, number of the entry: none is the same after a
change, whatever a program says about times."""


@dataclass(frozen=True)
class Hashes:
    """The files of a folder, by relative name: how they are marked, and the SHA-256 of each."""

    folder: Path
    marks: Mapping[str, Mark]
    sums: Mapping[str, str]
    read: frozenset[str] = frozenset()
    """The names of those that were read, and not known from before."""
    before: Mapping[str, str] = field(default_factory=dict)
    """The sums that were kept the last time, whether or not they still hold."""
    unsettled: frozenset[str] = frozenset()

    def keep(self) -> None:
        """Remember these sums, where there is room for it."""
        new = self.read or self.before != self.sums
        if not new or self.unsettled == self.sums.keys():  # then nothing of it would be believed next time
            return
        entries = {name: [*self.marks[name], name not in self.unsettled, digest] for name, digest in self.sums.items()}
        text = json.dumps({"folder": str(self.folder), "files": entries}, separators=(",", ":"))
        with contextlib.suppress(OSError, RuntimeError):
            place = _place(self.folder)
            place.parent.mkdir(parents=True, exist_ok=True)
            with whole(place) as beside:
                beside.write_text(text, encoding="utf-8")


def hashes_of(folder: Path, names: Iterable[str], *, report: Listener = lambda message: None) -> Hashes:
    """The hashes of these files of a folder; those that are known are not read.

    `report` hears of it where reading takes long. Raises `DamagedData` for a file that cannot be read, or that changes
    meanwhile.
    """
    known = _kept(folder)
    sums, marks = {}, {}
    read, unsettled = set(), set()
    names, said = list(names), time.monotonic()
    for name in names:
        marks[name] = mark(folder / name)
        entry = known.get(name)
        if entry is not None and entry[:5] == [*marks[name], True]:
            sums[name] = entry[5]
            continue
        if time.monotonic() - said > SECONDS_OF_SILENT_READING:
            said = time.monotonic()
            report(f"reading {len(names)} files under {folder} to tell what they are: {len(sums)} so far")
        began = time.time_ns()
        sums[name] = _sum(folder / name, marks[name])
        read.add(name)
        if began - max(marks[name][1:3]) < NANOSECONDS_TO_SETTLE:
            unsettled.add(name)
    before = {name: str(entry[5]) for name, entry in known.items()}
    return Hashes(folder, marks, sums, frozenset(read), before, frozenset(unsettled))


def mark(path: Path) -> Mark:
    """What would be another after any change of a file. Raises `DamagedData` for what is no plain file."""
    try:
        status = path.stat()
    except OSError as error:
        raise DamagedData(f"{path} cannot be read: {error.strerror}") from None
    if not stat.S_ISREG(status.st_mode):
        raise DamagedData(f"{path} is not a plain file")
    return _mark(status)


def _mark(status: os.stat_result) -> Mark:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _sum(path: Path, before: Mark) -> str:
    try:
        with open(path, "rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
            after = _mark(os.fstat(opened.fileno()))
    except OSError as error:
        raise DamagedData(f"{path} cannot be read: {error.strerror}") from None
    if after != before:
        raise DamagedData(f"{path} changes while it is read; wait until whoever writes it is done")
    return digest


def _kept(folder: Path) -> dict[str, list[Any]]:
    """The entries that were kept for a folder; what has another shape than we write is left out."""
    try:
        document = read_json(_place(folder))
    except RuntimeError:  # a user without a home
        return {}
    if not isinstance(document, dict) or document.get("folder") != str(folder):
        return {}
    entries = document.get("files")
    return {name: entry for name, entry in entries.items() if _is_entry(entry)} if isinstance(entries, dict) else {}


def _is_entry(entry: Any) -> bool:
    return isinstance(entry, list) and len(entry) == 6 and isinstance(entry[5], str) and len(entry[5]) == 64


def label_of_content(name: str, content: bytes) -> str:
    """`digits-0f1c2a9d3b`: the identity of the data of this name and content."""
    return f"{name}-{hashlib.sha256(content).hexdigest()[:10]}"


def _place(folder: Path) -> Path:
    return cache_folder() / "hashes" / f"{hashlib.sha256(os.fsencode(folder)).hexdigest()[:32]}.json"
