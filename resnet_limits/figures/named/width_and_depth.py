"""Width and depth, each finite or infinite, after Peluchetti & Favaro (arXiv 2007.03253).

Left, the mean square of the states relative to the doubly infinite network's, by depth, a curve a width; the column at
the right end is infinite depth. Right, the fluctuations of an overlap over networks, by width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator

from ...measurement.job import FinishedJob
from ...papers import PELUCHETTI
from ..drawable import scale
from ..style import COLOURS, MARKERS
from .figure import NamedFigure

ROW_OF_WIDTH, ROW_OF_Q, ROW_OF_Q_ERROR, ROW_OF_SPREAD, ROW_OF_SPREAD_ERROR = 0, 1, 2, 5, 6
"""Rows of the arrays `diagram.depth` and `diagram.limit`."""


def draw(jobs: Sequence[FinishedJob]) -> Figure | None:
    """Of jobs of any widths; None where none has the arrays."""
    tables_by_depth: dict[int, list[np.ndarray]] = {}
    for job in jobs:
        if (table := job.array("diagram.depth")) is not None:
            tables_by_depth.setdefault(job.settings.depth, []).append(_infinite(table))
    if not tables_by_depth:
        return None
    limits = [_infinite(limit) for job in jobs if (limit := job.array("diagram.limit")) is not None]
    limit = joined_columns(limits) if limits else None
    tables = {depth: joined_columns(tables_by_depth[depth]) for depth in sorted(tables_by_depth)}
    figure = Figure(figsize=(7.4, 3.3))
    left, right = figure.subplots(1, 2)
    _draw_means(left, tables, limit)
    _draw_spreads(right, tables, limit)
    return figure


def _infinite(table: np.ndarray) -> np.ndarray:
    """The table with its infinite width, which is nan where arrays hold drawable numbers alone."""
    return np.vstack([np.where(np.isnan(table[:ROW_OF_Q]), np.inf, table[:ROW_OF_Q]), table[ROW_OF_Q:]])


def joined_columns(tables: Sequence[np.ndarray]) -> np.ndarray:
    """The columns of several tables, each width once, increasing."""
    return np.column_stack(
        [column for _, column in sorted({column[ROW_OF_WIDTH]: column for t in tables for column in t.T}.items())]
    )


def _of_width(table: np.ndarray, width: float) -> np.ndarray:
    """The column of a width; nan where the table has none."""
    (places,) = np.nonzero(table[ROW_OF_WIDTH] == width)
    return table[:, places[0]] if len(places) else np.full(len(table), np.nan)


def _draw_means(axes: Axes, tables: dict[int, np.ndarray], limit: np.ndarray | None) -> None:
    depths = np.array(list(tables), dtype=float)
    widths = joined_columns([*tables.values(), *([limit] if limit is not None else [])])[ROW_OF_WIDTH]
    unit = float(limit[ROW_OF_Q, -1]) if limit is not None else float(list(tables.values())[-1][ROW_OF_Q, -1])
    unit = unit if abs(unit) > 0 else 1.0  # nothing, or no number, is no unit
    ends = [*depths, *([2 * depths[-1]] if limit is not None else [])]  # infinite depth: one step further
    columns = [*tables.values(), *([limit] if limit is not None else [])]
    for i, width in enumerate(widths):
        values, bars = np.array([_of_width(table, width)[[ROW_OF_Q, ROW_OF_Q_ERROR]] for table in columns]).T / unit
        bars = 1.96 * bars
        shift = 2.0 ** (0.12 * (i - len(widths) / 2))  # side by side
        if np.isfinite(width):
            style: Any = {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i % len(MARKERS)], "ls": ""}
            axes.errorbar(
                np.array(ends) * shift, values, yerr=bars, ms=4, capsize=2, label=f"$D = {width:.0f}$", **style
            )
        else:
            axes.plot(ends, values, color="0.15", lw=1.2, label=r"$D = \infty$, exact", zorder=1)
    if limit is not None:
        axes.axvspan(ends[-1] / 1.45, ends[-1] * 1.45, color="0.9", lw=0, zorder=0)
    axes.set_xscale("log", base=2)
    axes.set_xticks(ends, [*(f"{d:.0f}" for d in depths), *([r"$\infty$"] if limit is not None else [])])
    axes.minorticks_off()
    axes.set_xlabel("depth $L$")
    axes.set_ylabel(r"$\mathrm{E}\,|x_L|^2/D$, relative to both infinite", fontsize=8)
    axes.legend(fontsize=7.5)


def _draw_spreads(axes: Axes, tables: dict[int, np.ndarray], limit: np.ndarray | None) -> None:
    depths = list(tables)
    shown = {f"$L = {depth}$": tables[depth] for depth in dict.fromkeys((depths[0], depths[-1]))}
    if limit is not None:
        shown[r"$L = \infty$"] = limit
    for (label, table), colour, marker in zip(shown.items(), COLOURS, MARKERS, strict=False):
        width, spread, error = (table[row, :-1] for row in (ROW_OF_WIDTH, ROW_OF_SPREAD, ROW_OF_SPREAD_ERROR))
        axes.errorbar(
            width, spread, yerr=1.96 * error, color=colour, marker=marker, ms=4, capsize=2, ls="", label=label
        )
    last, spreads = (
        next(reversed(shown.values())),
        np.concatenate([table[ROW_OF_SPREAD, :-1] for table in shown.values()]),
    )
    width, spread = last[ROW_OF_WIDTH, :-1], last[ROW_OF_SPREAD, :-1]
    axes.plot(width, spread[-1] * (width / width[-1]) ** -0.5, "--", color="0.15", lw=1.0, label="$D^{-1/2}$")
    axes.set_xscale("log", base=2)
    scale(axes, spreads)
    if axes.get_yscale() == "log":
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xticks(width, [f"{d:.0f}" for d in width])
    axes.minorticks_off()
    axes.set_xlabel("width $D$")
    axes.set_ylabel(r"standard deviation of $\langle x, y\rangle/D$", fontsize=8)
    axes.legend(fontsize=7.5)


FIGURE = NamedFigure(
    PELUCHETTI,
    "width and depth, each finite or infinite: means of networks and of their SDE beside the exact recursion of"
    " infinite width; fluctuations over networks fall as the width to the power -1/2 at every depth",
    draw,
    across="width",
)
