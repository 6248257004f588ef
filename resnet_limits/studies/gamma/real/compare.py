"""Minimisers on a data set at growing depth against their Richardson limit. Free of torch.

The limit is extrapolated from the depths that double, at the times of the shallowest of them; its error is the
distance of the two best entries of the table. TL2 and H1 distances see the limit between these times: theirs is
extrapolated from the deepest three, at the times of the first of these, with a cubic spline between them, and its error
is that of the extrapolation and `ERROR_SHARE_OF_SPLINE` of the distance to the spline through every other time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ....claims.distance import at_common_times
from ....claims.plateau import doubling
from ....claims.richardson import richardson_limit
from ....measurement.job import FinishedJob
from ....measurement.record import Comparison, Record, unknown
from ..norms import MAX_NORM_OF_ZERO_PATH, MINIMISER_IS_ZERO, h1, largest_layer, tl2
from ..settings import Gamma

COORDINATES_OF_REAL = {"problem": "data"}
RELATIVE_ROUNDING_OF_VALUE = 16 * np.finfo(np.float64).eps
ERROR_SHARE_OF_SPLINE = 0.25
"""A spline's slopes are of order 3: with twice the intervals their error is 1/7 of the difference, to leading order."""


def compare(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    """`weights_sup`, `value_gap`, `tl2` and `h1` of every depth of the longest doubling sequence up to the deepest."""
    by_depth = {job.settings.depth: job for job in jobs if _path(job) is not None}
    depths = doubling(list(by_depth))
    if len(depths) < 3:
        return []
    known = {depth: _known(by_depth[depth]) for depth in depths}
    paths = [_at(known[depth], depths[0]) for depth in depths]
    values = [np.array([_minimum(by_depth[depth])]) for depth in depths]
    path, path_difference = richardson_limit(paths)
    value, value_difference = richardson_limit(values)
    comparisons = []
    for depth, path_at_depth, minimum in zip(depths, paths, values, strict=True):
        gap = float(abs(minimum - value)[0])
        gap_error = float(abs(value_difference)[0] + RELATIVE_ROUNDING_OF_VALUE * abs(value)[0])
        comparisons += [
            Comparison(
                depth,
                _record(
                    "weights_sup",
                    largest_layer(path_at_depth - path),
                    largest_layer(path_difference),
                    largest_layer(path),
                ),
            ),
            Comparison(depth, _record("value_gap", gap, gap_error, float(value[0]))),
        ]
    comparisons += _between_times(known, by_depth[depths[0]].settings)
    return (
        [_judged(comparison) for comparison in comparisons]
        if largest_layer(path) < MAX_NORM_OF_ZERO_PATH
        else comparisons
    )


def _judged(comparison: Comparison) -> Comparison:
    """The record where a minimiser is zero: what is left of two distances is rounding."""
    if comparison.record.observable not in ("weights_sup", "h1"):
        return comparison
    return Comparison(comparison.depth, unknown(comparison.record.observable, MINIMISER_IS_ZERO, COORDINATES_OF_REAL))


def _between_times(known: dict[int, np.ndarray], settings: Gamma) -> list[Comparison]:
    """`tl2` and `h1`, the distances that take the limit at all times."""
    from scipy.interpolate import CubicSpline

    m = list(known)[-3]
    path, difference = richardson_limit([_at(known[depth], m) for depth in list(known)[-3:]])
    fine = CubicSpline(np.arange(m) / m, path)
    coarse = CubicSpline(np.arange(0, m, 2) / m, path[::2]) if m >= 4 else fine
    keys, entries = settings.gamma, path.shape[1]
    tau_b = keys.tau if keys.tau_b is None else keys.tau_b
    width = round((entries + 0.25) ** 0.5 - 0.5)  # entries = width^2 + width
    taus = np.concatenate([np.full(width**2, keys.tau), np.full(width, tau_b)])
    comparisons = []
    for depth, path_there in known.items():
        times = np.arange(depth) / depth
        off = fine(times) - coarse(times)
        error = largest_layer(difference) + ERROR_SHARE_OF_SPLINE * float(np.linalg.norm(off, axis=1).mean())
        slope_error = h1(difference, taus) + ERROR_SHARE_OF_SPLINE * h1(off, taus)
        comparisons += [
            Comparison(depth, _record("tl2", tl2(path_there, fine), error)),
            Comparison(depth, _record("h1", h1(path_there - fine(times), taus), slope_error)),
        ]
    return comparisons


def _record(name: str, value: float, error: float, reference: float = float("nan")) -> Record:
    return Record(name, value, reference=reference, reference_error=error, coordinates=COORDINATES_OF_REAL, replicas=1)


def _at(path: np.ndarray, depth: int) -> np.ndarray:
    return at_common_times(path[None], depth)[0]


def _path(job: FinishedJob) -> np.ndarray | None:
    K, b = job.array("real.K"), job.array("real.b")
    return None if K is None or b is None else np.concatenate([K.reshape(len(K), -1), b], axis=1)


def _known(job: FinishedJob) -> np.ndarray:
    path = _path(job)
    assert path is not None
    return path


def _minimum(job: FinishedJob) -> float:
    jumps: list[Any] = [
        r.value
        for r in job.records
        if r.observable == "minimum" and r.step is None and r.coordinates.get("problem") == "data"
    ]
    return float(jumps[0])
