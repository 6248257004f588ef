"""Judged claims as panels: one claim to a figure, or all claims of a setting in a grid.

    | MARGIN_LEFT  panel  MARGIN_RIGHT |    a cell; MARGIN_ABOVE it the title, MARGIN_BELOW it ticks and label

The margins are fixed, as wide as the widest labels of claims: to look for the narrowest takes longer than to draw.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..claims.claim import Judgement
from ..claims.coordinate import Coordinate
from ..printable import printable
from .order import draw_order
from .value import draw_value

PANELS_A_ROW = 4
PANEL_ALONE, PANEL_AMONG_OTHERS = (4.4, 3.3), (3.1, 2.5)
"""Inches of a panel with its margins, alone and among others: width, height."""
MARGIN_LEFT, MARGIN_RIGHT, MARGIN_BELOW, MARGIN_ABOVE = 0.95, 0.12, 0.48, 0.42
"""Inches around a panel; above it is its title."""
LINE_HEIGHT, LETTERS_A_LINE = 0.15, 56
"""Inches that a line takes on top of a figure of one claim, and the letters that fit into one."""

Judged = tuple[Judgement, pd.DataFrame]


def claim_figure(judgement: Judgement, points: pd.DataFrame) -> Figure:
    """One claim below its statement, with a legend of all that is drawn."""
    lines = textwrap.wrap(judgement.claim.statement, LETTERS_A_LINE) + textwrap.wrap(
        _setting(judgement), LETTERS_A_LINE
    )
    figure, (axes,) = _grid(1, 1, cell=PANEL_ALONE, lines=lines)
    _draw(axes, judgement, points, cell=PANEL_ALONE, size=9)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8)
    return figure


def overview_figure(judged: Sequence[Judged]) -> Figure:
    """All claims of one setting in small panels; each legend keeps to what was expected and what was fitted."""
    columns = min(PANELS_A_ROW, len(judged))
    lines = textwrap.wrap(_setting(judged[0][0]), LETTERS_A_LINE * columns * 3 // 4)
    figure, panels = _grid(-(-len(judged) // columns), columns, cell=PANEL_AMONG_OTHERS, lines=lines)
    for axes, (judgement, points) in zip(panels, judged, strict=False):
        _draw(axes, judgement, points, cell=PANEL_AMONG_OTHERS, size=8)
        axes.tick_params(labelsize=7)
        handles, labels = axes.get_legend_handles_labels()
        entries = [(h, t.replace("order ", "")) for h, t in zip(handles, labels, strict=True) if "measured" not in t]
        if entries:
            axes.legend(*zip(*entries, strict=True), fontsize=7, handlelength=1.4)
    for axes in panels[len(judged) :]:
        axes.set_visible(False)
    return figure


def _grid(rows: int, columns: int, *, cell: tuple[float, float], lines: Sequence[str]) -> tuple[Figure, list[Axes]]:
    """A figure of cells of this size in inches below some lines, and its panels row by row."""
    (width, height), top = cell, LINE_HEIGHT * len(lines)
    wide, high = columns * width, rows * height + top
    figure = Figure(figsize=(wide, high), layout="none")  # pyright: ignore[reportArgumentType] (its stubs forget it)
    axes = figure.subplots(rows, columns, squeeze=False)
    figure.subplots_adjust(
        left=MARGIN_LEFT / wide,
        right=1 - MARGIN_RIGHT / wide,
        bottom=MARGIN_BELOW / high,
        top=1 - (top + MARGIN_ABOVE) / high,
        wspace=(MARGIN_LEFT + MARGIN_RIGHT) / (width - MARGIN_LEFT - MARGIN_RIGHT),
        hspace=(MARGIN_BELOW + MARGIN_ABOVE) / (height - MARGIN_BELOW - MARGIN_ABOVE),
    )
    if lines:
        figure.suptitle("\n".join(lines), fontsize=9, y=1 - LINE_HEIGHT / 2 / high)
    return figure, list(axes.ravel())


def _draw(axes: Axes, judgement: Judgement, points: pd.DataFrame, *, cell: tuple[float, float], size: float) -> None:
    """The panel of a claim, its title (`ode.rough: supported`) in the middle of its cell."""
    is_order = judgement.expected.is_order
    (draw_order if is_order else draw_value)(axes, judgement, points)
    axes.set_title(f"{judgement.claim.id}: {judgement.verdict}", fontsize=size, y=1 if is_order else None)
    axes.title.set_x(0.5 - (MARGIN_LEFT - MARGIN_RIGHT) / (2 * (cell[0] - MARGIN_LEFT - MARGIN_RIGHT)))
    axes.set_xlabel(Coordinate(judgement.expected.along).axis, fontsize=size)
    scale = f" ({judgement.expected.scale})" if judgement.expected.scale else ""
    axes.set_ylabel(judgement.claim.observable.replace("_", " ") + scale, fontsize=size)


def _setting(judgement: Judgement) -> str:
    """The setting of a claim, where there are several."""
    words = printable(", ".join(f"{key}={value}" for key, value in judgement.setting.items()))
    return words.replace("$", r"\$")  # a folder's name is no formula
