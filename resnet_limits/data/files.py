"""Files of known sizes and sums: whether they are there, and whole. Free of torch."""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class File:
    """One file of a data set: path relative to the root, size in bytes, MD5 sum where it is known."""

    path: str
    size: int
    md5: str | None = None


@dataclass(frozen=True)
class CheckedFile:
    """A file that a data set needs, the bytes found (None: there is none), and what is wrong with it, if anything."""

    path: Path
    size: int | None
    problem: str


def looked_at(file: File, root: Path, *, thoroughly: bool = False) -> CheckedFile:
    """A file under a root: there and of the right size; thoroughly: of the right content."""
    path = root / file.path
    if not path.is_file():
        return CheckedFile(path, None, "missing")
    size = path.stat().st_size
    if size < file.size:
        return CheckedFile(path, size, f"truncated: {size} of {file.size} bytes")
    if size > file.size:
        return CheckedFile(path, size, f"not the published file: {size} bytes, not {file.size}")
    return CheckedFile(path, size, _wrong_content(file, path) if thoroughly else "")


def _wrong_content(file: File, path: Path) -> str:
    if file.md5 and (md5 := md5_of(path)) != file.md5:
        return f"corrupt: its MD5 sum is {md5}, not {file.md5}"
    archive = path.with_name(path.name + ".gz")
    if not file.md5 and archive.is_file() and _crc(path) != (noted := _crc_in(archive)):
        return f"corrupt: its CRC-32 is {_crc(path):08x}, and {archive.name} beside it says {noted:08x}"
    return ""


def md5_of(path: Path) -> str:
    """The MD5 sum of a file, in hexadecimal digits."""
    with open(path, "rb") as opened:
        return hashlib.file_digest(opened, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _crc(path: Path) -> int:
    value = 0
    with open(path, "rb") as opened:
        while piece := opened.read(2**20):
            value = zlib.crc32(piece, value)
    return value


def _crc_in(archive: Path) -> int:
    """The sum of the unpacked content that a gzip file ends with (RFC 1952)."""
    return struct.unpack("<I", archive.read_bytes()[-8:-4].rjust(4, b"\0"))[0]
