"""What can be drawn: numbers that a page holds, and logarithmic axes where something is positive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes

from ..measurement.job import FinishedJob

LARGEST_DRAWN = 1e100
"""Numbers beyond, and positive ones below the inverse, leave no room on any axis: they count as none."""


def drawable(values: np.ndarray) -> np.ndarray:
    """The numbers, nan in place of those that are infinite or beyond all axes. What is no floating point stays."""
    if values.dtype.kind != "f":
        return values
    size = np.abs(values.astype(float))
    return np.where((size <= LARGEST_DRAWN) & ((size == 0) | (size >= 1 / LARGEST_DRAWN)), values, np.nan)


def with_drawable_arrays(jobs: Sequence[FinishedJob]) -> list[FinishedJob]:
    """The jobs with arrays that can be drawn."""

    def of(job: FinishedJob) -> FinishedJob:
        return replace(job, array=lambda name: None if (a := job.array(name)) is None else drawable(a))

    return [of(job) for job in jobs]


def scale(axes: Axes, values: np.ndarray) -> None:
    """A logarithmic vertical axis where a value is positive; else it stays linear, and shows that none is."""
    if (values > 0).any():
        axes.set_yscale("log")


def say_nothing_shown(axes: Axes, words: str) -> None:
    """A panel without a point says why."""
    axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center", fontsize=8, color="0.4")
