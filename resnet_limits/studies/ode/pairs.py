"""Trained networks of depths L and 2L compared, from their stored weights. Free of torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ...measurement.job import FinishedJob
from ...measurement.record import Comparison, Record

WEIGHT_ARRAYS = ("V", "W", "b")
"""Of a layer, as arrays of a job are named."""


def successive(
    jobs: Mapping[int, FinishedJob], differences: Callable[[FinishedJob, FinishedJob], list[Record]]
) -> list[Comparison]:
    """The differences of each job, by depth, and the one that is twice as deep."""
    return [
        Comparison(depth, record)
        for depth, job in jobs.items()
        if 2 * depth in jobs
        for record in differences(job, jobs[2 * depth])
    ]


def that_kept(name: str, jobs: Sequence[FinishedJob]) -> dict[int, FinishedJob]:
    """The jobs that kept an array, by depth."""
    return {job.settings.depth: job for job in jobs if job.array(name) is not None}


def trained_weights(job: FinishedJob, prefix: str, names: Sequence[str] = WEIGHT_ARRAYS) -> np.ndarray:
    """The trained weights of all layers, (replicas, L, entries); all kinds, or those named."""
    parts = [job.array(f"{prefix}.{name}") for name in names]
    return np.concatenate([w.astype(np.float64).reshape(*w.shape[:2], -1) for w in parts if w is not None], axis=2)


def relative(
    job: FinishedJob,
    name: str,
    distance: float,
    size: float,
    coordinates: Mapping[str, Any],
    error: float | None = None,
) -> Record:
    """A distance relative to a size (nan where nothing moves); the error of its reference is rounding, or as given."""
    rounding = 100 * float(np.finfo(job.settings.dtype).eps)
    return Record(
        name,
        distance / size if size else math.nan,
        reference=size,
        reference_error=rounding if error is None else error / size if size else math.nan,
        coordinates=coordinates,
        replicas=job.settings.train.replicas,
    )
