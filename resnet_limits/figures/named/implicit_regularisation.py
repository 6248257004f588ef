"""Trained weights against depth, after Marion, Wu, Sander & Biau (arXiv 2309.01213).

A few entries of `V_k` as functions of `t = k/L`, for several depths on top of each other: from a tied start they
trace one smooth curve, whatever the depth; from an i.i.d. start they jump from layer to layer, at every depth.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from ...measurement.job import FinishedJob
from ...papers import MARION_REGULARISATION
from ..weight_paths import DEPTHS, draw_paths, some_depths
from .figure import NamedFigure

STARTS = {"trained.V": ("tied start", 3), "trained_iid.V": ("i.i.d. start", 1)}
"""Arrays, with a title and the number of entries shown: more than one rough curve hides the others."""


def draw(jobs: Sequence[FinishedJob]) -> Figure | None:
    """A panel for each start whose trained weights are there; None without any."""
    panels = {name: found for name in STARTS if (found := _weights(jobs, name))}
    if not panels:
        return None
    figure = Figure(figsize=(3.6 * len(panels), 3.2))
    row = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for axes, (name, weights) in zip(row, panels.items(), strict=True):
        title, entries = STARTS[name]
        draw_paths(axes, weights, entries, letter="L")
        axes.set_title(title, fontsize=9)
        axes.set_xlabel("$t = k/L$")
    row[0].set_ylabel("entries of the trained $V_k$")
    figure.legend(*row[0].get_legend_handles_labels(), loc="outside lower center", ncols=DEPTHS, fontsize=8)
    return figure


def _weights(jobs: Sequence[FinishedJob], name: str) -> dict[int, np.ndarray]:
    """The weights of the first replica by depth, (depth, entries)."""
    found = {job.settings.depth: job.array(name) for job in jobs}
    return some_depths({d: np.asarray(w[0], dtype=float).reshape(d, -1) for d, w in found.items() if w is not None})


FIGURE = NamedFigure(
    MARION_REGULARISATION,
    "trained weights against depth: smooth functions of t = k/L from a tied start, rough from an i.i.d. start",
    draw,
)
