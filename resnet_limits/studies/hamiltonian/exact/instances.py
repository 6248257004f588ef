"""The problems whose geodesics are known in closed form: which keys make them, and points where none are typed.

`data=points data.x=... data.y=...` gives the points; without them the standard ones stand in. Free of torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ....data import sizes
from ....data.sources.points import PointsData
from ...pinned import pinned
from ..settings import Hamiltonian

PINS_OF_EXACT_LOSS: dict[str, Any] = {
    "hamiltonian.scheme": "euler",
    "hamiltonian.readout": "fixed",
    "hamiltonian.loss": "square",
}
LENGTH_OF_PAIR = 0.7
"""Another length scale than 1, of which powers would hide."""


@dataclass(frozen=True)
class Instance:
    """`count` and `features`: what typed points must have, None where anything goes; `points` are the standard ones."""

    name: str
    words: str
    pins: Mapping[str, Any]
    points: PointsData
    count: int | None = None
    features: int | None = None

    @property
    def of(self) -> str:
        """The coordinate of its records."""
        return f"exact {self.name}"

    @property
    def prefix(self) -> str:
        """Of its arrays."""
        return f"exact.{self.name}.off."

    def unfit(self, settings: Hamiltonian) -> str | None:
        """Why the points that are typed are none of this instance, or None."""
        if not isinstance(settings.data, PointsData):
            return None
        has, dimension = sizes.training_points(settings.data), settings.data.features
        if self.count not in (None, has):
            return f"data=points: {has} given, and this is of {self.count}"
        if self.features not in (None, dimension):
            return f"data=points: they have {dimension} coordinates, and this is of the line"
        if settings.data.targets() > dimension:
            return f"data=points: {settings.data.targets()} targets a point of {dimension} coordinates"
        return None

    def settings(self, asked: Hamiltonian) -> Hamiltonian:
        """The settings of the instance: on all the points that are typed, else on the standard ones."""
        data = asked.data if isinstance(asked.data, PointsData) else self.points
        settings = replace(pinned(asked, self.pins), data=data, width=data.features)
        return pinned(settings, {"hamiltonian.points": sizes.training_points(data)})


POINT = Instance(
    "point",
    "one point of the line",
    {"hamiltonian.kernel": "features", "hamiltonian.bias": True, **PINS_OF_EXACT_LOSS},
    PointsData(x=[0.4], y=[2.0]),
    count=1,
    features=1,
)
LINE = Instance(
    "line",
    "points of the line, identity and bias",
    {"activation": "identity", "hamiltonian.kernel": "features", "hamiltonian.bias": True, **PINS_OF_EXACT_LOSS},
    PointsData(x=[-1.0, 0.2, 0.7], y=[0.5, 1.0, 2.5]),
    features=1,
)
LINEAR = Instance(
    "linear",
    "points of R^D, identity without bias",
    {"activation": "identity", "hamiltonian.kernel": "features", "hamiltonian.bias": False, **PINS_OF_EXACT_LOSS},
    PointsData(
        features=3,
        x=[1.0, 0.0, 0.0, 0.0, 1.0, 0.5, 0.5, 0.3, 1.0],
        y=[0.2, 1.2, 0.0, -0.8, 0.5, 1.0, 0.0, 0.3, 1.5],
    ),
)
LANDMARKS = Instance(
    "landmarks",
    "two landmarks of the line",
    {"hamiltonian.kernel": "gaussian", "hamiltonian.length": LENGTH_OF_PAIR, "hamiltonian.bias": True}
    | PINS_OF_EXACT_LOSS,
    PointsData(x=[-0.4, 0.4], y=[0.2, 1.8]),
    count=2,
    features=1,
)
INSTANCES = (POINT, LINE, LINEAR)
"""Those of networks of features; that of the two landmarks has a group of its own, at few depths."""
