"""A folder of images of your own: train/ and test/, with one folder a class in each."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import RequestError, SettingError
from ...settings.keys import fixed, key
from .. import hashes, image_folder
from ..availability import Availability
from ..hashes import Hashes, Listener
from ..root import data_root
from .source import Images

if TYPE_CHECKING:
    from ..images import ImageArrays


@dataclass
class ImageFolderData(Images):
    """A folder of images of your own: train/ and test/, with one folder a class in each."""

    name: str = fixed("image_folder", "a folder of your own: train/ and test/ with one folder of images a class")
    folder: str = key("images", "the folder that holds train/ and test/, relative to data.root")
    size: int = key(32, "images are resized to this many pixels a side", low=1, high=4096)
    grey: bool = key(False, "one channel of brightness in place of three of colour")

    def path(self) -> Path:
        """The folder that holds train/ and test/."""
        if Path(self.folder).is_absolute():
            raise SettingError(
                f"data.folder: expected a folder relative to data.root, got {self.folder}; give its parent as data.root"
            )
        return data_root(self.root) / self.folder

    def available(self) -> tuple[int, int]:
        return _counted(self.path()) if self.digest is None else _known(self.path(), self.digest)

    def classes(self) -> None:
        return None

    def count_classes(self) -> int:
        return len(image_folder.listing(self.path()).classes)

    def shape(self) -> tuple[int, int, int]:
        return 1 if self.grey else 3, self.size, self.size

    def fingerprint(self, report: Listener) -> Hashes:
        folder = self.path()
        return hashes.hashes_of(folder, [file.path for file in image_folder.image_files(folder)], report=report)

    def images(self, progress: Listener) -> ImageArrays:
        return image_folder.images(self.path(), size=self.size, grey=self.grey, progress=progress)

    def place(self) -> str:
        return str(self.path())

    def named(self) -> str:
        return f"{self.name} ({self.path()})"

    def notes(self) -> list[str]:
        return image_folder.notes(self.path())

    @classmethod
    def availability(cls, root: Path, *, thoroughly: bool = False) -> Availability:
        """The folders right under the root that hold train/ and test/; each is one that `data.folder` may name."""
        good, problems = [], []
        for folder in sorted(root.iterdir()) if root.is_dir() else ():
            if (folder / "train").is_dir() and (folder / "test").is_dir():
                try:
                    good.append((folder.name, image_folder.listing(folder)))
                except RequestError as error:
                    problems.append(str(error))
        if not good and not problems:
            problems.append(f"no folder under {root} holds train/ and test/")
        advice = "" if good else f"put a folder of your own there; {image_folder.LAYOUT}"
        return Availability(cls.name, "files", bool(good), str(root), None, tuple(problems), advice, tuple(good))


def _counted(folder: Path) -> tuple[int, int]:
    parts = [file.part for file in image_folder.image_files(folder)]
    return parts.count("train"), parts.count("test")


@functools.lru_cache(maxsize=64)
def _known(folder: Path, digest: str) -> tuple[int, int]:
    """Counted once for all jobs: files of one identity are as many."""
    return _counted(folder)
