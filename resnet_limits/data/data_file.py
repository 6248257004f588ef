"""Data of one's own in one file: what the sources of labelled points and of targets have in common."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Optional

from ..errors import DamagedData, MissingData, RequestError, SettingError
from ..settings.keys import key
from . import array_file, hashes
from .availability import Availability
from .hashes import Hashes, Listener
from .root import data_root
from .sources.source import Data

if TYPE_CHECKING:
    import numpy as np

    from .array_file import Facts

ENDINGS_OF_FILES = ", ".join(array_file.READERS)


@dataclass
class DataFile(Data):
    """Points in a file of one's own, with a test set of their own."""

    labels: ClassVar[bool]
    """Whether its points have labels, and not targets."""
    other: ClassVar[str]
    """The name of the source of files of the other kind."""
    name: str
    test_size: Optional[int] = key(None, "number of test points; null: all", low=1, high=10**7)
    root: Optional[str] = key(
        None, "folder of the data sets; null: $RESLIM_DATA, else the user cache folder", content=False
    )
    file: Optional[str] = key(None, f"the file ({ENDINGS_OF_FILES}), relative to data.root; data=PATH gives both")

    def path(self) -> Path:
        """The file."""
        if self.file is None:
            raise MissingData(f"data={self.name}: no file is named; data=PATH names one, or data.file under data.root")
        if Path(self.file).is_absolute():
            raise SettingError(
                f"data.file: expected a file relative to data.root, got {self.file}; data=PATH gives both"
            )
        return data_root(self.root) / self.file

    def facts(self) -> Facts:
        """What the file holds. Raises `MissingData`, `DamagedData`, also where it is of the other kind."""
        facts = array_file.facts(self.path())
        if bool(facts.classes) != self.labels:
            holds = "labels" if facts.classes else "targets, which are no whole numbers"
            raise DamagedData(f"data={self.name}: {self.path()} holds {holds}; choose data={self.other}")
        return facts

    def available(self) -> tuple[int, int]:
        facts = self.facts()
        return facts.train, facts.test

    def classes(self) -> int | None:
        return None if self.labels else 0

    def count_classes(self) -> int:
        return self.facts().classes

    def targets(self) -> int:
        return self.facts().outputs

    def dimension(self) -> int:
        return self.facts().features

    def fingerprint(self, report: Listener) -> Hashes:
        self.facts()
        path = self.path()
        return hashes.hashes_of(path.parent, [path.name], report=report)

    def points(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Whatever the seed; training points first."""
        import numpy as np

        arrays = array_file.read_arrays(self.path())
        return np.concatenate([arrays.x_train, arrays.x_test]), np.concatenate([arrays.y_train, arrays.y_test])

    def tried(self) -> None:
        """Nothing is left to try: a file is checked as a whole."""

    def place(self) -> str:
        return str(data_root(self.root) / (self.file or ""))

    def named(self) -> str:
        return f"{self.name} ({self.path()})"

    def notes(self) -> list[str]:
        return [f"data={self.name}: {self.path()} holds {self.facts().in_words()}"]

    @classmethod
    def availability(cls, root: Path, *, thoroughly: bool = False) -> Availability:
        """The files right under the root that hold points of this kind, and what is in each."""
        files: list[tuple[str, str]] = []
        problems: list[str] = []
        for path in sorted(root.iterdir()) if root.is_dir() else ():
            if path.suffix.lower() in array_file.READERS:
                try:
                    facts = array_file.facts(path)
                except RequestError as error:
                    problems.append(str(error))
                    continue
                if bool(facts.classes) == cls.labels:
                    files.append((path.name, facts.in_words()))
        if not files and not problems:
            problems.append(f"no file of this kind right under {root}")
        advice = "" if files else "any file will do, by its path: data=/path/to/my.npz"
        return Availability(
            cls.name, "files", bool(files), str(root), None, tuple(problems), advice, files=tuple(files)
        )
