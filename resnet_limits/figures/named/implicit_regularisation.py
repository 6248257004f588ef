"""Trained weights against depth, after Marion, Wu, Sander & Biau (arXiv 2309.01213).

A few entries of `V_k` as functions of `t = k/L`, for several depths on top of each other: from a tied start they
trace one smooth curve, whatever the depth; from an i.i.d. start they jump from layer to layer, at every depth.
"""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from ...measurement.job import FinishedJob
from ...papers import MARION_REGULARISATION
from .. import over_depth
from ..over_depth import Panel
from .figure import NamedFigure

PANELS_OF_STARTS = {"trained.V": Panel("tied start", 3), "trained_iid.V": Panel("i.i.d. start", 1)}


def draw(jobs: Sequence[FinishedJob]) -> Figure | None:
    """A panel for each start whose trained weights are there; None without any."""
    return over_depth.draw_over_depth(
        jobs, PANELS_OF_STARTS, depth="L", what="entries of the trained $V_k$", sharey=True
    )


FIGURE = NamedFigure(
    MARION_REGULARISATION,
    "trained weights against depth: smooth functions of t = k/L from a tied start, rough from an i.i.d. start",
    draw,
)
