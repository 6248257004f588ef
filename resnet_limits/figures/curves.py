"""Curves in panels: what trained networks reached, by step, by depth, or by another number that was swept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator

from ..claims.coordinate import shown_place
from .drawable import drawable
from .style import COLOURS, MARKERS
from .text import typeset

PANEL = (3.6, 2.7)
"""Inches of a panel with its labels: width, height."""
LEGEND = 0.3
"""Inches of the legend below."""
SHADES = (0.05, 0.92)
"""Ends of the colours of curves that are one family, from the first to the last."""


@dataclass(frozen=True)
class Curve:
    """One curve, and the standard errors of its points (nan where they have none)."""

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    stderr: tuple[float, ...]


@dataclass(frozen=True)
class CurvePanel:
    """Curves that share axes. `is_family`: they differ in one number, and their colours say so; they are lines without
    marks. `doubles`: the horizontal axis is logarithmic, with a tick at each point."""

    title: str
    across: str
    up: str
    curves: tuple[Curve, ...]
    is_family: bool = False
    doubles: bool = False
    falls: bool = False
    """The vertical axis is logarithmic where its values are far apart."""


def curves_figure(rows: Sequence[Sequence[CurvePanel]]) -> Figure:
    """Panels in rows, with one legend below."""
    columns = max(len(row) for row in rows)
    figure = Figure(figsize=(PANEL[0] * columns, PANEL[1] * len(rows) + LEGEND))
    grid: Any = figure.subplots(len(rows), columns, squeeze=False)
    handles: dict[str, Any] = {}
    for axes_of_row, row in zip(grid, rows, strict=True):
        for axes, panel in zip(axes_of_row, row, strict=False):
            _draw(axes, panel)
            handles |= {label: handle for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}
        for axes in axes_of_row[len(row) :]:
            axes.set_visible(False)
    if handles:
        figure.legend(
            list(handles.values()),
            list(handles),
            loc="outside lower center",
            ncols=min(len(handles), 3 * columns),
            fontsize=8,
        )
    return figure


def _draw(axes: Axes, panel: CurvePanel) -> None:
    colours = mpl.colormaps["viridis_r"](np.linspace(*SHADES, len(panel.curves)))
    for i, curve in enumerate(panel.curves):
        x, y = np.array(curve.x, dtype=float), drawable(np.array(curve.y, dtype=float))
        label = typeset(curve.label)
        if panel.is_family:
            axes.plot(x, y, color=colours[i], lw=1.2, label=label, marker="o" if len(x) < 8 else "", ms=3)
        else:
            bars = 1.96 * np.nan_to_num(drawable(np.array(curve.stderr, dtype=float)))
            style: Any = {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i % len(MARKERS)]}
            axes.errorbar(x, y, yerr=bars, ms=4, lw=1, capsize=2, label=label, **style)
    values = np.concatenate([np.array(curve.y, dtype=float) for curve in panel.curves])
    if panel.falls:
        _logarithmic(axes, drawable(values))
    if panel.doubles:
        places = sorted({place for curve in panel.curves for place in curve.x})
        if places[0] > 0:
            axes.set_xscale("log", base=2)
        axes.set_xticks(places, [shown_place(place) for place in places])
        axes.minorticks_off()
    axes.set_title(typeset(panel.title), fontsize=9, loc="left", y=1)
    axes.set_xlabel(panel.across)
    axes.set_ylabel(panel.up)


def _logarithmic(axes: Axes, values: np.ndarray) -> None:
    """A logarithmic vertical axis, with plain numbers, where values span a power of ten."""
    seen = values[np.isfinite(values)]
    if len(seen) and seen.min() > 0 and seen.max() > 10 * seen.min():
        axes.set_yscale("log")
        axes.minorticks_off()
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if seen.max() < 1e3 * seen.min() else (1,)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def missing(value: float | None) -> float:
    """A number, nan for none."""
    return math.nan if value is None else value
