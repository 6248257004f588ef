"""Room for labels: panels of one size in a grid, the margins as wide as what is written in them.

What matplotlib's constrained layout does for such a grid, but measured once: that engine measures twice, and then each
format looks again for the places of titles, labels and legends. Here they are found once and stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

PAD = 3 / 72
"""Inches between what is written and the next panel or the edge."""
FIRST_MARGINS = (0.6, 0.1, 0.42, 0.25)
"""Inches to the left, right, bottom and top of a panel before anything is measured. How many ticks there are depends on
the size of the panel, which therefore is measured at about the size that it will have."""
SMALLEST_PANEL = 0.3
"""Inches that a panel keeps, whatever is written beside it."""


@dataclass(frozen=True)
class Margins:
    """Inches around panels: (columns,) to the left and right, (rows,) below and above, the first row on top."""

    left: np.ndarray
    right: np.ndarray
    below: np.ndarray
    above: np.ndarray


def lay_out(figure: Figure, panels: Sequence[Sequence[Axes]]) -> None:
    """Place complete panels, given row by row, in the figure; nothing may be added to them afterwards."""
    figure.set_layout_engine("none")
    rows, columns = len(panels), len(panels[0])
    left, right, below, above = (
        np.full(n, g) for n, g in zip((columns, columns, rows, rows), FIRST_MARGINS, strict=True)
    )
    _place(figure, panels, Margins(left, right, below, above))
    renderer = FigureCanvasAgg(figure).get_renderer()
    needed = np.zeros((4, rows, columns))
    for i, row in enumerate(panels):
        for j, axes in enumerate(row):
            if axes.get_visible() and (box := axes.get_tightbbox(renderer, for_layout_only=True)) is not None:
                inner = axes.bbox
                sides = (inner.x0 - box.x0, box.x1 - inner.x1, inner.y0 - box.y0, box.y1 - inner.y1)
                needed[:, i, j] = np.maximum(0, sides) / figure.dpi
    left, right, below, above = needed + PAD
    before = [[axes.bbox.frozen() for axes in row] for row in panels]
    _place(figure, panels, Margins(left.max(0), right.max(0), below.max(1), above.max(1)))
    for row, boxes in zip(panels, before, strict=True):
        for axes, box in zip(row, boxes, strict=True):
            if axes.get_visible():
                _settle(axes, box, renderer)


def _place(figure: Figure, panels: Sequence[Sequence[Axes]], margins: Margins) -> None:
    width, height = figure.get_size_inches()
    wide = max(SMALLEST_PANEL, (width - (margins.left + margins.right).sum()) / len(margins.left))
    high = max(SMALLEST_PANEL, (height - (margins.below + margins.above).sum()) / len(margins.below))
    xs = np.cumsum(margins.left) + np.cumsum(margins.right) - margins.right + wide * np.arange(len(margins.left))
    tops = np.cumsum(margins.above) + np.cumsum(margins.below) - margins.below + high * np.arange(len(margins.below))
    for row, top in zip(panels, tops, strict=True):
        for axes, x in zip(row, xs, strict=True):
            axes.set_position((x / width, 1 - (top + high) / height, wide / width, high / height))


def _settle(axes: Axes, before: Bbox, renderer: RendererBase) -> None:
    """Fix title, labels and legend where they were found; `before` is the panel as it was when they were measured."""
    now = axes.bbox
    below = before.y0 - axes.xaxis.label.get_position()[1]
    beside = before.x0 - axes.yaxis.label.get_position()[0]
    axes.xaxis.set_label_coords(0.5, -below / now.height)
    axes.yaxis.set_label_coords(-beside / now.width, 0.5)
    raised = (axes.title.get_position()[1] - 1) * before.height / now.height
    axes.set_title(axes.get_title(), fontsize=axes.title.get_fontsize(), y=1 + raised)
    if (legend := axes.get_legend()) is not None:
        corner = axes.transAxes.inverted().transform(legend.get_window_extent(renderer).min)
        legend.set_loc((float(corner[0]), float(corner[1])))
