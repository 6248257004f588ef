"""Minimisers over depth, after Thorpe & van Gennip (arXiv 1810.11741).

A few entries of `K_k` as functions of `t = k/n` for several depths on top of each other: with the H1 penalty they trace
one smooth curve, whatever the depth; without, or with a small decay in its place, they stay as rough as they started.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from ...measurement.job import FinishedJob
from ...papers import THORPE
from ..weight_paths import DEPTHS, draw_paths, some_depths
from .figure import NamedFigure

PANELS = {
    "real.K": ("$H^1$ penalty: minimisers on the data", 4),
    "ablation.none": ("no penalty, i.i.d. start", 1),
    "ablation.decay": ("small decay, i.i.d. start", 1),
}
"""Arrays, with a title and the number of entries shown: more than one rough curve hides the others."""


def draw(jobs: Sequence[FinishedJob]) -> Figure | None:
    """A panel for each of the arrays that are there; None without any."""
    panels = {name: found for name in PANELS if (found := _paths(jobs, name))}
    if not panels:
        return None
    figure = Figure(figsize=(3.6 * len(panels), 3.2))
    row = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, (name, paths) in zip(row, panels.items(), strict=True):
        title, count = PANELS[name]
        draw_paths(axes, paths, count, letter="n")
        axes.set_title(title, fontsize=9)
        axes.set_xlabel("$t = k/n$")
    row[0].set_ylabel("entries of $K_k$")
    figure.legend(*row[0].get_legend_handles_labels(), loc="outside lower center", ncols=DEPTHS, fontsize=8)
    return figure


def _paths(jobs: Sequence[FinishedJob], name: str) -> dict[int, np.ndarray]:
    """The paths of some depths, (depth, entries); of the controls those of the first start."""
    found = {job.settings.depth: job.array(name) for job in jobs}
    return some_depths(
        {
            depth: np.asarray(array if name.startswith("real.") else array[0], dtype=float).reshape(depth, -1)
            for depth, array in found.items()
            if array is not None
        }
    )


FIGURE = NamedFigure(
    THORPE,
    "minimisers over depth: with the H1 penalty the layers of networks of growing depth trace smooth functions of"
    " t = k/n that converge; from an i.i.d. start they stay rough without a penalty, and with a small decay",
    draw,
)
