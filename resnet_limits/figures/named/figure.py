"""A figure of a paper: the key `figure`, whose configurations stand in `configs/figure/`, and `Study.figures`, those
that a study always draws.

Each is a file of this folder that holds a `FIGURE`. It draws from the arrays that finished jobs kept, and computes
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from matplotlib.figure import Figure

from ...measurement.job import FinishedJob
from ...papers import Paper
from ...settings.registry import FIGURES, Registry


@dataclass(frozen=True)
class NamedFigure:
    """A figure of a paper: `draw(jobs)` returns None where the jobs did not keep what it shows."""

    options: ClassVar[Registry] = FIGURES
    source: Paper
    caption: str
    draw: Callable[[Sequence[FinishedJob]], Figure | None]
    study: str = ""
    """The study whose jobs it draws, where no file `configs/figure/NAME.yaml` says that."""
    across: str = ""
    """A key over whose values one figure is drawn, where it is swept."""
