"""All claims of one setting at a glance: a panel each."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from ..claims.claim import Judgement
from ..claims.coordinate import Coordinate
from .layout import lay_out
from .order import draw_order, measured_words
from .value import draw_value

COLUMNS = 4


def overview_figure(judged: Sequence[tuple[Judgement, pd.DataFrame]]) -> Figure:
    """Small panels; each legend keeps to what was expected and what was fitted."""
    columns = min(COLUMNS, len(judged))
    rows = -(-len(judged) // columns)
    figure = Figure(figsize=(3.1 * columns, 2.5 * rows))
    grid = figure.subplots(rows, columns, squeeze=False)
    panels = grid.ravel()
    for axes, (judgement, points) in zip(panels, judged, strict=False):
        draw = draw_order if judgement.expected.is_order else draw_value
        draw(axes, judgement, points)
        axes.set_title(axes.get_title(), fontsize=8)
        axes.tick_params(labelsize=7)
        axes.set_xlabel(Coordinate(judgement.expected.along).axis, fontsize=8)
        axes.set_ylabel(measured_words(judgement), fontsize=8)
        handles, labels = axes.get_legend_handles_labels()
        entries = [(h, t.replace("order ", "")) for h, t in zip(handles, labels, strict=True) if "measured" not in t]
        if entries:
            axes.legend(*zip(*entries, strict=True), fontsize=7, handlelength=1.4)
    for axes in panels[len(judged) :]:
        axes.set_visible(False)
    lay_out(figure, grid.tolist())
    return figure
