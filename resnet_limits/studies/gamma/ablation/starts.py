"""A mean over i.i.d. starts, with the error that it has. Free of torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ....measurement.record import Record
from ....training.penalty import Penalty
from .claims import CONTROLS_OF_SCATTERED_MINIMA


def mean_square_of_path(path: np.ndarray) -> float:
    """That of a path (n, e) over its layers: `mean_k |path_k|^2`."""
    return float((path**2).sum(axis=1).mean())


def relative_roughness(path: np.ndarray) -> float:
    """`n^2 mean_k |path_k - path_{k-1}|^2 / mean_k |path_k|^2` of a path (n, e): `2 n^2` of independent layers; nan of
    a path that is zero."""
    size = mean_square_of_path(path)
    return len(path) ** 2 * mean_square_of_path(np.diff(path, axis=0)) / size if size > 0 else float("nan")


def mean_over_starts(name: str, values: Sequence[float], control: Penalty, where: Mapping[str, Any]) -> Record:
    """The mean over starts, with its standard error where the starts end apart, else with what is left of them."""
    count, mean = len(values), float(np.mean(values))
    if control in CONTROLS_OF_SCATTERED_MINIMA:
        error = float(np.std(values, ddof=1)) / count**0.5 if count > 1 else float("nan")
        return Record(name, mean, stderr=error, coordinates=where, replicas=count)
    left = float(np.ptp(values)) + 16 * np.finfo(np.float64).eps * abs(mean)
    return Record(name, mean, reference_error=left, coordinates=where, replicas=count)
