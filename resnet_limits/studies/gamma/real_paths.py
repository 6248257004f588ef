"""Minimisers on a data set at growing depth against their Richardson limit. Free of torch.

The limit is extrapolated from the depths that double, at the times of the shallowest of them; its error is the
distance of the two best entries of the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...claims.distance import at_common_times
from ...claims.richardson import richardson_limit
from ..study import Comparison, FinishedJob, Record

WHERE = {"problem": "data"}


def compare(jobs: Sequence[FinishedJob]) -> list[Comparison]:
    """`weights_sup` and `value_gap` of every depth of the longest doubling sequence up to the deepest."""
    by_depth = {job.settings.depth: job for job in jobs if _path(job) is not None}
    depths = _doubling(list(by_depth))
    if len(depths) < 3:
        return []
    paths = [at_common_times(_known(by_depth[depth])[None], depths[0])[0] for depth in depths]
    values = [np.array([_minimum(by_depth[depth])]) for depth in depths]
    path, path_difference = richardson_limit(paths)
    value, value_difference = richardson_limit(values)
    found = []
    for depth, its, minimum in zip(depths, paths, values, strict=True):
        sup = float(np.linalg.norm(its - path, axis=1).max())
        path_error = float(np.linalg.norm(path_difference, axis=1).max())
        size = float(np.linalg.norm(path, axis=1).max())
        records = (
            Record("weights_sup", sup, reference=size, reference_error=path_error, coordinates=WHERE, replicas=1),
            Record(
                "value_gap",
                float(abs(minimum - value)[0]),
                reference=float(value[0]),
                reference_error=float(abs(value_difference)[0]),
                coordinates=WHERE,
                replicas=1,
            ),
        )
        found += [Comparison(depth, record) for record in records]
    return found


def _doubling(depths: Sequence[int]) -> list[int]:
    """The depths L, L/2, L/4, ... below the deepest that are there, by increasing depth."""
    its = [max(depths)] if depths else []
    while its and its[0] % 2 == 0 and its[0] // 2 in depths:
        its.insert(0, its[0] // 2)
    return its


def _path(job: FinishedJob) -> np.ndarray | None:
    K, b = job.array("real.K"), job.array("real.b")
    return None if K is None or b is None else np.concatenate([K.reshape(len(K), -1), b], axis=1)


def _known(job: FinishedJob) -> np.ndarray:
    path = _path(job)
    assert path is not None
    return path


def _minimum(job: FinishedJob) -> float:
    its: list[Any] = [
        r.value for r in job.records if r.observable == "minimum" and r.coordinates.get("problem") == "data"
    ]
    return float(its[0])
