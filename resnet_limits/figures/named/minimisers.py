"""Minimisers over depth, after Thorpe & van Gennip (arXiv 1810.11741).

A few entries of `K_k` as functions of `t = k/n` for several depths on top of each other: with the H1 penalty they trace
one smooth curve, whatever the depth; without, or with a small decay in its place, they stay as rough as they started.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...measurement.job import FinishedJob
from ...papers import THORPE
from ..style import COLOURS
from .figure import NamedFigure
from .implicit_regularisation import DEPTHS, entries_that_vary, style_of

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
        _draw(axes, paths, count)
        axes.set_title(title, fontsize=9)
        axes.set_xlabel("$t = k/n$")
    row[0].set_ylabel("entries of $K_k$")
    figure.legend(*row[0].get_legend_handles_labels(), loc="outside lower center", ncols=DEPTHS, fontsize=8)
    return figure


def _paths(jobs: Sequence[FinishedJob], name: str) -> dict[int, np.ndarray]:
    """The paths of some depths, (depth, entries); of the controls those of the first start."""
    found = {job.settings.depth: job.array(name) for job in jobs}
    paths = {
        depth: np.asarray(array if name.startswith("real.") else array[0], dtype=float).reshape(depth, -1)
        for depth, array in sorted(found.items())
        if array is not None
    }
    shown = sorted({round(i) for i in np.linspace(0, len(paths) - 1, min(DEPTHS, len(paths)))})
    return {depth: paths[depth] for i, depth in enumerate(paths) if i in shown}


def _draw(axes: Axes, paths: dict[int, np.ndarray], count: int) -> None:
    """One colour an entry, of the depths the deepest as a line."""
    depths = list(paths)
    entries = entries_that_vary(paths[depths[-1]], count)
    for rank, depth in enumerate(depths):
        for entry, colour in zip(entries, COLOURS, strict=False):
            label = f"$n = {depth}$" if entry == entries[0] else None
            axes.plot(
                np.arange(depth) / depth,
                paths[depth][:, entry],
                color=colour,
                label=label,
                **style_of(rank, len(depths), depth),
            )


FIGURE = NamedFigure(
    THORPE,
    "minimisers over depth: with the H1 penalty the layers of networks of growing depth trace smooth functions of"
    " t = k/n that converge; from an i.i.d. start they stay rough without a penalty, and with a small decay",
    draw,
)
