"""Weights over depth: a few entries as functions of `t = k/L`, networks of several depths on top of each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from .style import COLOURS

DEPTHS = 3
"""Curves of as many depths: the shallowest, one in the middle, the deepest."""


def some_depths(paths: Mapping[int, np.ndarray]) -> dict[int, np.ndarray]:
    """The paths of `DEPTHS` of the depths, by depth."""
    depths = sorted(paths)
    shown = sorted({round(i) for i in np.linspace(0, len(depths) - 1, min(DEPTHS, len(depths)))})
    return {depths[i]: paths[depths[i]] for i in shown}


def draw_paths(axes: Axes, paths: Mapping[int, np.ndarray], count: int, *, letter: str) -> None:
    """`count` entries of paths (depth, entries), given by increasing depth: one colour an entry, the deepest as a line,
    the shallowest as markers. `letter` is the depth's in the legend."""
    depths = list(paths)
    entries = _entries_that_vary(paths[depths[-1]], count)
    for rank, depth in enumerate(depths):
        times, style = np.arange(depth) / depth, _style(rank, len(depths), depth)
        for entry, colour in zip(entries, COLOURS, strict=False):
            label = f"${letter} = {depth}$" if entry == entries[0] else None
            axes.plot(times, paths[depth][:, entry], color=colour, label=label, **style)


def _style(rank: int, count: int, depth: int) -> dict[str, Any]:
    """The deeper, the thinner the line."""
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
