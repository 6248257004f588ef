"""Correlation of two inputs layer by layer, after Peluchetti & Favaro (arXiv 2007.03253).

Three pairs of inputs through four kinds of networks: scaled by (T/L)^1/2, feed-forward, and without the factor.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ...data.sources.gaussian import GaussianData
from ...measurement.job import FinishedJob
from ...papers import PELUCHETTI
from ..style import COLOURS, MARKERS
from .figure import NamedFigure

PANELS_OF_CORRELATION = {
    "scaled": "factor $\\sqrt{T/L}$",
    "feed-forward": "feed-forward, tanh",
    "unscaled-tanh": "factor 1, tanh",
    "unscaled-swish": "factor 1, swish: explodes",
}


def draw(jobs: Sequence[FinishedJob]) -> Figure | None:
    """A panel a kind of network, of the deepest job; None where there is none."""
    jobs = [job for job in jobs if job.array("correlation.scaled") is not None]
    if not jobs:
        return None
    figure = Figure(figsize=(7.4, 2.9))
    row = figure.subplots(1, len(PANELS_OF_CORRELATION), sharey=True)
    for axes, (kind, title) in zip(row, PANELS_OF_CORRELATION.items(), strict=True):
        table = jobs[-1].array(f"correlation.{kind}")
        if table is not None:
            _draw_pairs(axes, *table)
        axes.set_title(title, fontsize=9)
        axes.set_xlabel("layer $k$", fontsize=8)
        axes.tick_params(labelsize=8)
    limit = jobs[-1].array("correlation.limit")
    if limit is not None:
        layers, *curves = limit
        row[0].plot(layers, np.transpose(curves), color="0.1", lw=0.9, ls=(0, (4, 3)), zorder=4)
    row[0].set_ylabel("correlation of two inputs")
    row[0].set_ylim(top=1.05)
    _legend(figure, jobs[-1], exact=limit is not None)
    return figure


def _draw_pairs(axes: Axes, layers: np.ndarray, *curves: np.ndarray) -> None:
    for curve, colour, marker in zip(curves, COLOURS, MARKERS, strict=False):
        axes.plot(layers, curve, color=colour, marker=marker, ms=3.5, markevery=8, lw=1.4)


def _legend(figure: Figure, job: FinishedJob, *, exact: bool) -> None:
    settings = job.settings
    of_the_data = (
        f"cosine {settings.sde.correlation:g}" if isinstance(settings.data, GaussianData) else "the first two inputs"
    )
    names = ("cosine 0.9", of_the_data, "cosine $-0.5$")
    handles = [Line2D([], [], color=c, marker=m, ms=3.5, lw=1.4) for c, m in zip(COLOURS, MARKERS, strict=False)][:3]
    labels = [f"inputs at {name}" if name.startswith("cosine") else name for name in names]
    if exact:
        handles.append(Line2D([], [], color="0.1", lw=0.9, ls=(0, (4, 3))))
        labels.append("exact limit")
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8)


FIGURE = NamedFigure(
    PELUCHETTI,
    "correlation of two inputs layer by layer: with the factor (T/L)^1/2 it goes where the limit says; feed-forward"
    " networks make one of two inputs; with factor 1, tanh networks forget how they were related and swish networks"
    " explode",
    draw,
)
