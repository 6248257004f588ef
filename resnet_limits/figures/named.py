"""Figures of papers by name: the key `figure`, whose configurations stand in `configs/figure/`.

A named figure draws from the arrays that finished jobs kept; it computes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from ..papers import MARION_REGULARISATION, Paper
from ..studies.study import FinishedJob
from . import implicit_regularisation


@dataclass(frozen=True)
class NamedFigure:
    """A figure of a paper: `draw(jobs)` returns None where the jobs did not keep what it shows."""

    source: Paper
    caption: str
    draw: Callable[[Sequence[FinishedJob]], Figure | None]


NAMED: dict[str, NamedFigure] = {
    "implicit_regularisation": NamedFigure(
        MARION_REGULARISATION,
        "trained weights against depth: smooth functions of t = k/L from a tied start, rough from an i.i.d. start",
        implicit_regularisation.draw,
    ),
}
"""By name; the names stand in `settings.FIGURES` too, which is free of matplotlib."""
