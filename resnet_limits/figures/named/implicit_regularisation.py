"""Trained weights against depth, after Marion, Wu, Sander & Biau (arXiv 2309.01213).

A few entries of `V_k` as functions of `t = k/L`, for several depths on top of each other: from a tied start they
trace one smooth curve, whatever the depth; from an i.i.d. start they jump from layer to layer, at every depth.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...measurement.job import FinishedJob
from ...papers import MARION_REGULARISATION
from ..style import COLOURS
from .figure import NamedFigure

STARTS = {"trained.V": ("tied start", 3), "trained_iid.V": ("i.i.d. start", 1)}
"""Arrays, with a title and the number of entries shown: more than one rough curve hides the others."""
DEPTHS = 3
"""Curves of as many depths: the shallowest, one in the middle, the deepest."""


def draw(jobs: Sequence[FinishedJob]) -> Figure | None:
    """A panel for each start whose trained weights are there; None without any."""
    panels = {name: found for name in STARTS if (found := _weights(jobs, name))}
    if not panels:
        return None
    figure = Figure(figsize=(3.6 * len(panels), 3.2))
    row = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for axes, (name, weights) in zip(row, panels.items(), strict=True):
        title, entries = STARTS[name]
        _draw_paths(axes, weights, entries)
        axes.set_title(title, fontsize=9)
        axes.set_xlabel("$t = k/L$")
    row[0].set_ylabel("entries of the trained $V_k$")
    figure.legend(*row[0].get_legend_handles_labels(), loc="outside lower center", ncols=DEPTHS, fontsize=8)
    return figure


def _weights(jobs: Sequence[FinishedJob], name: str) -> dict[int, np.ndarray]:
    """The weights of the first replica by depth, (depth, entries)."""
    found = {job.settings.depth: job.array(name) for job in jobs}
    paths = {d: np.asarray(w[0], dtype=float).reshape(d, -1) for d, w in sorted(found.items()) if w is not None}
    shown = sorted({round(i) for i in np.linspace(0, len(paths) - 1, min(DEPTHS, len(paths)))})
    return {depth: paths[depth] for i, depth in enumerate(paths) if i in shown}


def _draw_paths(axes: Axes, weights: dict[int, np.ndarray], count: int) -> None:
    """One colour an entry; the deeper, the thinner and darker the line, the shallowest as markers."""
    depths = list(weights)
    entries = entries_that_vary(weights[depths[-1]], count)
    for rank, depth in enumerate(depths):
        times = np.arange(depth) / depth
        for entry, colour in zip(entries, COLOURS, strict=False):
            style = style_of(rank, len(depths), depth)
            label = f"$L = {depth}$" if entry == entries[0] else None
            axes.plot(times, weights[depth][:, entry], color=colour, label=label, **style)


def style_of(rank: int, count: int, depth: int) -> dict[str, Any]:
    if rank == count - 1:
        return {"lw": 1.0, "ls": "-", "zorder": 3}
    if rank == 0:
        return {"marker": "o", "ms": 4 if depth < 64 else 2.5, "ls": "", "mfc": "white", "zorder": 4}
    return {"lw": 3.0, "ls": "-", "alpha": 0.35, "zorder": 2}


def entries_that_vary(path: np.ndarray, count: int) -> list[int]:
    """The entries that vary most over time, of those apart in mean: they tell a smooth path from a rough one best."""
    by_variation = np.argsort(-path.std(axis=0))[: 10 * count]
    by_mean = by_variation[np.argsort(path[:, by_variation].mean(axis=0))]
    return [int(by_mean[round(i)]) for i in np.linspace(0, len(by_mean) - 1, min(count, len(by_mean)))]


FIGURE = NamedFigure(
    MARION_REGULARISATION,
    "trained weights against depth: smooth functions of t = k/L from a tied start, rough from an i.i.d. start",
    draw,
)
