"""Data sets that are published as files: what their sources declare, and whether the files are there and whole.

Sizes and MD5 sums are those of the published files; for the unpacked files of Fashion-MNIST none are published.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, ClassVar

from ..errors import DamagedData, MissingData
from . import hashes
from .availability import Availability
from .files import CheckedFile, File, looked_at
from .hashes import Hashes, Listener
from .root import data_root
from .sources.source import Images

if TYPE_CHECKING:
    from .images import ImageArrays


@dataclass
class Published(Images):
    """Images in files of known names, sizes and sums, in the layout of torchvision, which fetches them."""

    files: ClassVar[tuple[File, ...]]
    apart: ClassVar[tuple[int, int]]
    """Training and test images."""
    torchvision: ClassVar[str]
    """The name of torchvision's class."""
    archive: ClassVar[str] = ""
    """One file, below the root, that holds all the others; empty: each has an archive of its own, with .gz."""

    def available(self) -> tuple[int, int]:
        return self.apart

    def fingerprint(self, report: Listener) -> Hashes:
        """The hashes of the files; their sizes are checked, and whenever a file was read its sum."""
        root = data_root(self.root)
        self.complain(root)
        paths = [PurePosixPath(file.path) for file in self.files]
        file_hashes = hashes.hashes_of(root / paths[0].parent, [path.name for path in paths], report=report)
        if file_hashes.read:
            self.complain(root, thoroughly=True)
        return file_hashes

    @classmethod
    def look(cls, root: Path, *, thoroughly: bool = False) -> list[CheckedFile]:
        """The files under a root: there and of the right size; thoroughly: of the right content."""
        return [looked_at(file, root, thoroughly=thoroughly) for file in cls.files]

    @classmethod
    def complain(cls, root: Path, *, thoroughly: bool = False) -> None:
        """Make sure that the files are there and of the right size; thoroughly: whole.

        Raises `MissingData` naming the files and where to put them, `DamagedData` naming the first damaged one. Cheap
        unless thorough, and free of torch: a request is refused before anything is started.
        """
        name, seen = cls.name, cls.look(root, thoroughly=thoroughly)
        if any(s.size is None for s in seen):
            raise MissingData(
                f"data={name} is not under {root}; `reslim data {name}` downloads it where there is a network.\n"
                f"Without one: {cls.what_to_put(root)}, or name another folder with data.root=... or $RESLIM_DATA"
            )
        for damaged in (s for s in seen if s.problem):
            raise DamagedData(f"data={name}: {damaged.path} is {damaged.problem}; `reslim data {name}` fetches it anew")

    @classmethod
    def what_to_put(cls, root: Path) -> str:
        """Which files are to be put into which folder, in words."""
        unsound = [s.path for s in cls.look(root) if s.problem] or [root / file.path for file in cls.files]
        names = ", ".join(path.name for path in unsound)
        archive = str(root / cls.archive) if cls.archive else "their archives with .gz"
        return f"put {names} into {unsound[0].parent} (or {archive}, which `reslim data {cls.name}` unpacks)"

    @classmethod
    def fetch(cls, root: Path) -> None:
        """Download the files, or unpack the archives that are in place, and check every one; as `vision.fetch`."""
        from .vision import fetch

        fetch(cls(cls.name), root)

    @classmethod
    def availability(cls, root: Path, *, thoroughly: bool = False) -> Availability:
        seen = cls.look(root, thoroughly=thoroughly)
        problems = tuple(f"{s.path.relative_to(root)} is {s.problem}" for s in seen if s.problem)
        advice = f"reslim data {cls.name} fetches it" if problems else ""
        size = sum(s.size or 0 for s in seen)
        return Availability(cls.name, "files", not problems, str(seen[0].path.parent), size, problems, advice)


def idx_files(folder: str, md5s: Sequence[str | None]) -> tuple[File, ...]:
    """The files of a data set in the format of MNIST: sizes are those of MNIST."""
    names = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
    sizes = (47040016, 60008, 7840016, 10008)
    return tuple(File(f"{folder}/raw/{n}", size, md5) for n, size, md5 in zip(names, sizes, md5s, strict=True))


@dataclass
class Idx(Published):
    """60000 + 10000 grey images of 28x28 in 10 classes, in the format of MNIST."""

    apart: ClassVar[tuple[int, int]] = (60000, 10000)

    def classes(self) -> int:
        return 10

    def shape(self) -> tuple[int, int, int]:
        return 1, 28, 28

    def images(self, progress: Listener) -> ImageArrays:
        from .images import ImageArrays
        from .vision import torchvision_part

        root = data_root(self.root)
        try:
            train, test = (torchvision_part(self, root, train=part) for part in (True, False))
        except (AssertionError, ValueError, RuntimeError) as error:  # torchvision asserts what a file's header says
            raise DamagedData(f"data={self.name}: the files under {root} are not in the IDX format: {error}") from None
        return ImageArrays(train.data[:, None], train.targets, test.data[:, None], test.targets, tuple(train.classes))
