"""Weights over depth: a few entries as functions of `t = k/L`, for several depths on top of each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..measurement.job import FinishedJob
from .style import COLOURS

CURVES_DRAWN = 3
"""Curves of as many depths: the shallowest, one in the middle, the deepest."""


@dataclass(frozen=True)
class Panel:
    """What is drawn of an array of jobs: its title, and so many entries; more than one rough curve hides the others.

    `replicas`: the array has replicas, or starts, in front, and the first is drawn.
    """

    title: str
    entries: int
    replicas: bool = True


def draw_over_depth(
    jobs: Sequence[FinishedJob], panels: Mapping[str, Panel], *, depth: str, what: str, sharey: bool = False
) -> Figure | None:
    """A panel for each of the arrays, by name, that are there; None without any. `depth` is the symbol of the depth,
    `what` the name of the vertical axis."""
    shown = {name: paths for name, panel in panels.items() if (paths := _paths(jobs, name, panel))}
    if not shown:
        return None
    figure = Figure(figsize=(3.6 * len(shown), 3.2))
    row = figure.subplots(1, len(shown), squeeze=False, sharey=sharey)[0]
    for axes, (name, paths) in zip(row, shown.items(), strict=True):
        _draw(axes, paths, panels[name].entries, depth)
        axes.set_title(panels[name].title, fontsize=9)
        axes.set_xlabel(f"$t = k/{depth}$")
    row[0].set_ylabel(what)
    figure.legend(*row[0].get_legend_handles_labels(), loc="outside lower center", ncols=CURVES_DRAWN, fontsize=8)
    return figure


def _paths(jobs: Sequence[FinishedJob], name: str, panel: Panel) -> dict[int, np.ndarray]:
    """The paths of some depths, (depth, entries)."""
    arrays = {job.settings.depth: job.array(name) for job in jobs}
    paths = {
        depth: np.asarray(array[0] if panel.replicas else array, dtype=float).reshape(depth, -1)
        for depth, array in sorted(arrays.items())
        if array is not None
    }
    shown = sorted({round(i) for i in np.linspace(0, len(paths) - 1, min(CURVES_DRAWN, len(paths)))})
    return {depth: paths[depth] for i, depth in enumerate(paths) if i in shown}


def _draw(axes: Axes, paths: dict[int, np.ndarray], count: int, symbol: str) -> None:
    """One colour an entry; the deeper, the thinner and darker the line, the shallowest as markers."""
    depths = list(paths)
    entries = _entries_that_vary(paths[depths[-1]], count)
    for rank, depth in enumerate(depths):
        times = np.arange(depth) / depth
        for entry, colour in zip(entries, COLOURS, strict=False):
            style = _style(rank, len(depths), depth)
            label = f"${symbol} = {depth}$" if entry == entries[0] else None
            axes.plot(times, paths[depth][:, entry], color=colour, label=label, **style)


def _style(rank: int, count: int, depth: int) -> dict[str, Any]:
    if rank == count - 1:
        return {"lw": 1.0, "ls": "-", "zorder": 3}
    if rank == 0:
        return {"marker": "o", "ms": 4 if depth < 64 else 2.5, "ls": "", "mfc": "white", "zorder": 4}
    return {"lw": 3.0, "ls": "-", "alpha": 0.35, "zorder": 2}


def _entries_that_vary(path: np.ndarray, count: int) -> list[int]:
    """The entries that vary most over time, of those apart in mean: they tell a smooth path from a rough one best."""
    by_variation = np.argsort(-path.std(axis=0))[: 10 * count]
    by_mean = by_variation[np.argsort(path[:, by_variation].mean(axis=0))]
    return [int(by_mean[round(i)]) for i in np.linspace(0, len(by_mean) - 1, min(count, len(by_mean)))]
