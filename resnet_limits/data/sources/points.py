"""Points and targets that are given one by one, as keys: `data=points data.x=[0.4] data.y=[2]`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Optional

from ...errors import MissingData, SettingError
from ...settings.keys import fixed, key
from ..availability import Availability
from ..hashes import Listener
from .source import Data

if TYPE_CHECKING:
    import numpy as np

GIVE_POINTS = "data=points data.x=[0.4] data.y=[2] gives one, data.x=[0,1,2,3] data.features=2 data.y=[5,6] two"


@dataclass
class PointsData(Data):
    """A regression on points that are typed: coordinates, then targets, point after point.

    Training points come first; all are, unless `train_size` or `test_size` says how many. Nothing is standardised.
    """

    as_given: ClassVar[bool] = True

    name: str = fixed("points", "regression: points and targets of your own, typed: data.x=[0.4] data.y=[2]")
    features: int = key(1, "numbers in data.x that make a point", low=1, high=65536)
    x: Optional[list[float]] = key(None, "the coordinates of the points, point after point, as they stand")
    y: Optional[list[float]] = key(None, "their targets, point after point; as many numbers for each point")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.x, self.y = _floats(self.x), _floats(self.y)

    def available(self) -> int:
        """The number of points. Raises `MissingData` where none are given, `SettingError` for numbers that make
        none."""
        if not self.x or not self.y:
            raise MissingData(f"data=points: no {'targets' if self.x else 'points'} are given; {GIVE_POINTS}")
        count, left = divmod(len(self.x), self.features)
        if left:
            raise SettingError(
                f"data.x: {len(self.x)} numbers, and a point has data.features={self.features} of them; give"
                f" {self.features}, {2 * self.features}, ..., or set data.features"
            )
        if len(self.y) % count:
            one = f"{len(self.x)} numbers that make {count} point{'s' * (count > 1)}"
            raise SettingError(f"data.y: {len(self.y)} numbers for data.x of {one}; give as many for each point")
        return count

    def classes(self) -> int:
        return 0

    def targets(self) -> int:
        count = self.available()
        return len(self.y or ()) // count

    def dimension(self) -> int:
        return self.features

    def fingerprint(self, report: Listener) -> int:
        """Points are content of a job as they stand: nothing else tells them apart."""
        return 1

    def points(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Points (n, features) and targets (n, outputs), whatever the seed."""
        import numpy as np

        count = self.available()
        return np.array(self.x).reshape(count, self.features), np.array(self.y).reshape(count, -1)

    def tried(self) -> None:
        """Nothing is made that could be other than declared."""

    @classmethod
    def availability(cls, root: Path, *, thoroughly: bool = False) -> Availability:
        return Availability(cls.name, "given", True, "given by data.x and data.y")


def _floats(values: list[float] | None) -> list[float] | None:
    """Whole numbers as the numbers that they are; what is none stays, to be refused in words."""
    whole = isinstance(values, list) and all(type(value) in (int, float) for value in values)
    return [float(value) for value in values] if whole and values is not None else values
