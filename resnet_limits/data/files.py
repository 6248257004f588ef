"""Which files a data set consists of, where they are looked for, and whether they are whole. Free of torch.

Sizes and MD5 sums are those of the published files; for the unpacked files of Fashion-MNIST none are published.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import DamagedData, MissingData
from .sources.image_folder import ImageFolder
from .sources.source import Data


@dataclass(frozen=True)
class File:
    """One file of a data set: path relative to the root, size in bytes, MD5 sum where it is known."""

    path: str
    size: int
    md5: str | None = None


def _idx(folder: str, md5s: Sequence[str | None]) -> tuple[File, ...]:
    names = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
    sizes = (47040016, 60008, 7840016, 10008)
    return tuple(File(f"{folder}/raw/{n}", size, md5) for n, size, md5 in zip(names, sizes, md5s, strict=True))


def _cifar(name: str, size: int, md5: str) -> File:
    return File(f"cifar-10-batches-py/{name}", size, md5)


FILES: dict[str, tuple[File, ...]] = {
    "mnist": _idx(
        "MNIST",
        (
            "6bbc9ace898e44ae57da46a324031adb",
            "a25bea736e30d166cdddb491f175f624",
            "2646ac647ad5339dbf082846283269ea",
            "27ae3e4e09519cfbb04c329615203637",
        ),
    ),
    "fashion_mnist": _idx("FashionMNIST", (None, None, None, None)),
    "cifar10": (
        _cifar("data_batch_1", 31035704, "c99cafc152244af753f735de768cd75f"),
        _cifar("data_batch_2", 31035320, "d4bba439e000b95fd0a9bffe97cbabec"),
        _cifar("data_batch_3", 31035999, "54ebc095f3ab1f0389bbae665268c751"),
        _cifar("data_batch_4", 31035696, "634d18415352ddfa80567beed471001a"),
        _cifar("data_batch_5", 31035623, "482c414d41f54cd18b22e5b47cb7c3cb"),
        _cifar("test_batch", 31035526, "40351d587109b95175f43aff81a1287e"),
        _cifar("batches.meta", 158, "5ff9c542aee3614f3951f8cda6e48888"),
    ),
}
"""The files of each published data set, in torchvision's own layout."""


@dataclass(frozen=True)
class Seen:
    """A file that a data set needs, the bytes found (None: there is none), and what is wrong with it, if anything."""

    path: Path
    size: int | None
    problem: str


def look(name: str, root: Path, *, thoroughly: bool = False) -> list[Seen]:
    """The files of a published data set under a root: there and of the right size; thoroughly: of the right content."""
    return [_look(file, root / file.path, thoroughly) for file in FILES[name]]


def _look(file: File, path: Path, thoroughly: bool) -> Seen:
    if not path.is_file():
        return Seen(path, None, "missing")
    size = path.stat().st_size
    if size < file.size:
        return Seen(path, size, f"truncated: {size} of {file.size} bytes")
    if size > file.size:
        return Seen(path, size, f"not the published file: {size} bytes, not {file.size}")
    return Seen(path, size, _wrong_content(file, path) if thoroughly else "")


def _wrong_content(file: File, path: Path) -> str:
    if file.md5 and (found := md5_of(path)) != file.md5:
        return f"corrupt: its MD5 sum is {found}, not {file.md5}"
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


def notes(data: Data) -> list[str]:
    """What there is to say of the files that these settings need, a line each. Raises as `identity.require`."""
    if isinstance(data, ImageFolder):
        from . import image_folder

        return image_folder.notes(data)
    return []


def complain(name: str, root: Path, *, thoroughly: bool = False) -> None:
    """Make sure that the files of a published data set are there and of the right size; thoroughly: whole.

    Raises `MissingData` naming the files and where to put them, `DamagedData` naming the first damaged one. Cheap
    unless thorough, and free of torch: a request is refused before anything is started.
    """
    seen = look(name, root, thoroughly=thoroughly)
    if any(s.size is None for s in seen):
        raise MissingData(
            f"data={name} is not under {root}; `reslim data {name}` downloads it where there is a network.\n"
            f"Without one: {what_to_put(name, root)}, or name another folder with data.root=... or $RESLIM_DATA"
        )
    for damaged in (s for s in seen if s.problem):
        raise DamagedData(f"data={name}: {damaged.path} is {damaged.problem}; `reslim data {name}` fetches it anew")


def what_to_put(name: str, root: Path) -> str:
    """Which files are to be put into which folder, in words."""
    unsound = [s.path for s in look(name, root) if s.problem] or [root / file.path for file in FILES[name]]
    names = ", ".join(path.name for path in unsound)
    archive = f"{root / 'cifar-10-python.tar.gz'}" if name == "cifar10" else "their archives with .gz"
    return f"put {names} into {unsound[0].parent} (or {archive}, which `reslim data {name}` unpacks)"
