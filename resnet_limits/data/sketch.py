"""Generated points, compared between the jobs of a run within rounding.

    sketch    the first points as they are, and  r' X c  for random vectors r, c: none vanishes where one point changed

The identity of generated points is the version of their generator, not their floats: processors and libraries differ
in the last bits. So each job compares a sketch of what it loads with that of the run's first job: a scikit-learn on
another node that makes other points of the same seed is noticed, and a last bit is not.
"""

from __future__ import annotations

import contextlib
import platform
import socket
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field
from importlib import metadata
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DamagedData
from ..random import generator
from .sources.source import Data, Generated

if TYPE_CHECKING:
    from .dataset import Dataset

SKETCH_TOLERANCE = 1e-9
"""How far two numbers of sketches of standardised points may lie apart. Rounding of each coordinate in its last bits
stays below 1e-14; another value of one coordinate among a million, off by 1e-3, shows as 1e-6."""
POINTS_KEPT = 4
"""Points that are kept as they are."""
PROJECTIONS = 4


Solve = Callable[[str, Mapping[str, Any], Callable[[], dict[str, np.ndarray]]], dict[str, np.ndarray]]
"""Purpose, key and computation to the numbers that the run's first job kept: `SharedSolutions.solve` of
`measurement/job.py`."""


@dataclass
class _Run:
    solve: Solve
    compared: set[str] = field(default_factory=set)


_RUN: ContextVar[_Run | None] = ContextVar("_RUN", default=None)


@contextlib.contextmanager
def compared_by(solve: Solve) -> Iterator[None]:
    """While this lasts, generated points that are loaded are held against those of the run's first job."""
    token = _RUN.set(_Run(solve))
    try:
        yield
    finally:
        _RUN.reset(token)


def compare_sketches(dataset: Dataset, data: Data, seed: int) -> None:
    """Raise `DamagedData` where generated points are not those of the run's first job; nothing outside a run."""
    run = _RUN.get()
    if run is None or not isinstance(data, Generated):
        return
    key = {**asdict(data), "seed": seed}
    if repr(key) in run.compared:
        return
    numbers = sketch(dataset)
    first = run.solve("data", key, lambda: {"numbers": numbers})["numbers"]
    same = first.shape == numbers.shape
    apart = float(np.abs(first - numbers).max()) if same else float("inf")
    if not apart <= SKETCH_TOLERANCE:
        raise DamagedData(
            f"data={data.name}: the points generated here are not those of the run's first job"
            f" ({f'apart by {apart:.1g}, rounding is below {SKETCH_TOLERANCE:g}' if same else 'of other shapes'});"
            f" on {socket.gethostname()} are {', '.join(_versions())}: use the versions of the first job everywhere"
        )
    run.compared.add(repr(key))


def sketch(dataset: Dataset) -> np.ndarray:
    """The numbers that stand for a data set: of points and of labels or targets, for training and for testing."""
    parts = []
    for name in ("x_train", "y_train", "x_test", "y_test"):
        values = getattr(dataset, name).double().numpy()
        values = values.reshape(len(values), -1)
        stream = generator(0, f"data.sketch.{name}", values.shape[1])
        columns = stream.standard_normal((values.shape[1], PROJECTIONS)) / values.shape[1] ** 0.5
        rows = stream.standard_normal((len(values), PROJECTIONS)) / max(len(values), 1) ** 0.5
        parts += [values[:POINTS_KEPT].ravel(), (rows * (values @ columns)).sum(axis=0)]
    return np.concatenate(parts)


def _versions() -> Iterator[str]:
    yield f"python {platform.python_version()}"
    for package in ("reslim", "scikit-learn", "numpy"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            yield f"{package} {metadata.version(package)}"
