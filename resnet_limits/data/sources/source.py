"""What a data set is to a user: a name, keys, and facts. A new one is one file here, with a class of its name.

Facts are known without looking: features, classes, shape, how many points there are, what tells the data from others
of the name. Methods that read or make points import numpy and torch when they are called. What a source does not
declare is refused in words.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple, NoReturn, Optional

from ...errors import SettingError
from ...settings.keys import key
from ...settings.registry import Option, Registry
from ...settings.trial import require_shape
from .. import by_path
from ..availability import Availability
from ..hashes import Hashes, Listener
from ..root import data_root

if TYPE_CHECKING:
    import numpy as np

    from ..images import ImageArrays


class Bundled(NamedTuple):
    """Data that came with an installed package: where they lie, and their numbers as bytes."""

    folder: Path
    content: bytes


@dataclass
class Data(Option):
    """A data set; points are standardised, unless they are taken as given, and embedded to `width`."""

    options: ClassVar[Registry] = Registry("data", "data.sources", base="source", noun="Data")
    entwined: ClassVar[bool] = False
    """Whether its classes lie around each other in the plane, so that plain networks that learn them fold it."""
    as_given: ClassVar[bool] = False
    """Whether points are taken as they stand: in their order, neither standardised nor refused for being one."""
    name: str
    train_size: Optional[int] = key(None, "number of training points; null: all", low=1, high=10**7)
    test_size: Optional[int] = key(None, "number of test points; null: all that are left", low=1, high=10**7)
    digest: Optional[str] = key(
        None, "identity of the data, found at planning; given: data that differ are refused", pattern=r"[\w-]+"
    )

    @classmethod
    def is_path(cls, word: str) -> bool:
        return by_path.is_path(word)

    @classmethod
    def at(cls, path: str) -> dict[str, str]:
        return by_path.keys_at(path)

    def available(self) -> int | tuple[int, int] | None:
        """The points that there are: all of them, to be split; training and test points, where these are set apart;
        None: as many as are asked for."""
        self._undeclared("how many points there are")

    def total(self) -> int:
        """Number of points to generate. Raises `SettingError` for null, which takes all where there is no end."""
        if self.train_size is None or self.test_size is None:
            key = "train_size" if self.train_size is None else "test_size"
            raise SettingError(f"data.{key}: null takes all points, and {self.name} has no end; give a number")
        return self.train_size + self.test_size

    def classes(self) -> int | None:
        """Number of classes; 0 of a regression; None where it takes a look at the data (`count_classes`)."""
        self._undeclared("its classes")

    def count_classes(self) -> int:
        """Number of classes, by a look at the data where there is no other way."""
        if (declared := self.classes()) is None:
            self._undeclared("how its classes are counted")
        return declared

    def targets(self) -> int:
        """Dimension of the targets of a regression."""
        self._undeclared("the dimension of its targets")

    def labelled(self) -> bool:
        """Whether points have labels, and not targets."""
        return self.classes() != 0

    def shape(self) -> tuple[int, int, int] | None:
        """`(channels, height, width)` of the images whose pixels are the features of a point, in this order; None of
        points that are no images."""
        return None

    def dimension(self) -> int:
        """Number of features of a point."""
        if (shape := self.shape()) is None:
            self._undeclared("the dimension of its points")
        return math.prod(shape)

    def fingerprint(self, report: Listener) -> int | Bundled | Hashes:
        """What tells these data from others of the name: the version of their generator, what is bundled, or the
        hashes of their files. Raises `MissingData`, `DamagedData`."""
        self._undeclared("what tells it from others of its name")

    def points(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """All points (n, features), with labels (n,) or targets (n, outputs); training points first, where these are
        set apart."""
        self._undeclared("points")

    def tried(self) -> None:
        """Raise `SettingError` where its points, if they are made, are not what it declares of them."""
        if type(self).points is Data.points:
            return
        import numpy as np

        x, y = self.points(0)
        require_shape("points(seed)[0]", x, (len(x), self.dimension()), "points, and dimension()")
        if not self.labelled():
            require_shape("points(seed)[1]", y, (len(x), self.targets()), "points, and targets()")
            return
        require_shape("points(seed)[1]", y, (len(x),), "a label for each point")
        classes, labels = self.count_classes(), np.unique(y)
        if len(labels) and not (
            float(labels[0]) >= 0 and float(labels[-1]) < classes and np.all(labels == labels.round())
        ):
            raise SettingError(f"points(seed)[1] holds {labels[0]} to {labels[-1]}; expected labels 0 to {classes - 1}")

    def place(self) -> str:
        """Where the files are looked for; empty for what is not in files of a user's."""
        return ""

    def named(self) -> str:
        """The name for a message, with the folder where the data are one's own."""
        return self.name

    def notes(self) -> list[str]:
        """What planning says of the files, a line each."""
        return []

    @classmethod
    def availability(cls, root: Path, *, thoroughly: bool = False) -> Availability:
        """Whether the data are there, for a list of all; thoroughly: with the content of their files."""
        return Availability(
            cls.name, "undeclared", False, "", problems=("the source does not declare where its data are",)
        )

    def _undeclared(self, what: str) -> NoReturn:
        if self.name not in self.options:
            raise SettingError(f"data: unknown option {self.options.unknown(self.name)}")
        raise SettingError(f"data={self.name} does not declare {what}; see resnet_limits/data/sources/source.py")


@dataclass
class Generated(Data):
    """Points that are made from the seed, as many as are asked for."""

    name: str
    version: ClassVar[int]
    """Part of the identity of the data: to be raised with any change, beyond rounding, of the points of a seed."""

    def available(self) -> None:
        return None

    def fingerprint(self, report: Listener) -> int:
        if not hasattr(self, "version"):
            self._undeclared("the version of its generator, a whole number")
        return self.version

    @classmethod
    def availability(cls, root: Path, *, thoroughly: bool = False) -> Availability:
        return Availability(cls.name, "generated", True, "generated from the seed")


@dataclass
class Plane(Generated):
    """Two classes of points in the plane."""

    name: str
    train_size: Optional[int] = key(1000, "number of training points", low=1, high=10**7)
    test_size: Optional[int] = key(500, "number of test points", low=1, high=10**7)
    noise: float = key(0.1, "standard deviation of the noise added to each coordinate", low=0, high=10)

    def classes(self) -> int:
        return 2

    def dimension(self) -> int:
        return 2


@dataclass
class Images(Data):
    """Images in files, with a test set of their own."""

    name: str
    test_size: Optional[int] = key(None, "number of test points; null: all", low=1, high=10**7)
    root: Optional[str] = key(
        None, "folder of the data sets; null: $RESLIM_DATA, else the user cache folder", content=False
    )

    def images(self, progress: Listener) -> ImageArrays:
        """All images, in the order of the files. Raises `MissingData`, `DamagedData` naming the files."""
        self._undeclared("images")

    def place(self) -> str:
        return str(data_root(self.root))
