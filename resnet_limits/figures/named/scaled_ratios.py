"""What the factor L^-beta does to random networks, after Marion, Fermanian, Biau & Vert (arXiv 2206.06929).

Figures 1 and 2 of the paper. A column a beta: how far networks move their input, and the gradient, by depth, beside
what is expected: the root mean square over networks, exactly where that is known, else to first order where it is
below 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...measurement.job import FinishedJob
from ...papers import MARION_SCALING
from ..drawable import drawable, scale
from ..style import COLOURS
from .figure import NamedFigure

ROWS_OF_RATIOS = {
    "relative_change": "$|h_L - h_0|\\,/\\,|h_0|$",
    "gradient_relative_change": "$|g_0 - g_L|\\,/\\,|g_L|$",
}
BAND_OF_RATIOS = (0.05, 0.95)
"""Quantiles over networks between which the band lies."""


def draw_ratios(jobs: Sequence[FinishedJob]) -> Figure | None:
    """Two rows, and a column for each beta that all jobs have; None where there is none."""
    jobs = [job for job in jobs if job.array("ratio.betas") is not None]
    betas = sorted(set.intersection(*(set(_array(job, "betas").tolist()) for job in jobs))) if jobs else []
    if not betas:
        return None
    figure = Figure(figsize=(1.2 + 2.1 * len(betas), 4.2))
    table = figure.subplots(2, len(betas), squeeze=False, sharex=True)
    for row, (name, label) in zip(table, ROWS_OF_RATIOS.items(), strict=True):
        for axes, beta in zip(row, betas, strict=True):
            _draw(axes, jobs, name, beta)
        row[0].set_ylabel(label)
    for axes, beta in zip(table[0], betas, strict=True):
        axes.set_title(f"$\\beta = {beta:g}$", fontsize=9)
    for axes in table[1]:
        axes.set_xlabel("depth $L$")
    figure.legend(*table[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8)
    return figure


def _array(job: FinishedJob, name: str) -> np.ndarray:
    array = job.array(f"ratio.{name}")
    assert array is not None
    return array


def _draw(axes: Axes, jobs: Sequence[FinishedJob], name: str, beta: float) -> None:
    depths, middle, low, high, expected = [], [], [], [], []
    for job in jobs:
        i = _array(job, "betas").tolist().index(beta)
        values = _array(job, name)[i]
        depths.append(job.settings.depth)
        middle.append(np.quantile(values, 0.5, method="lower"))
        low.append(np.quantile(values, BAND_OF_RATIOS[0], method="lower"))
        high.append(np.quantile(values, BAND_OF_RATIOS[1], method="lower"))
        expected.append(_array(job, f"expected_{name}")[i])
    middle, low, high, expected = (drawable(np.array(x)) for x in (middle, low, high, expected))
    axes.fill_between(depths, low, high, color=COLOURS[0], alpha=0.2, lw=0, label="5 % to 95 % of networks")
    axes.plot(depths, middle, "o-", ms=3, lw=1.2, color=COLOURS[0], label="median")
    axes.plot(depths, expected, "--", lw=1.2, color=COLOURS[1], label="expected root mean square")
    axes.set_xscale("log")
    scale(axes, np.concatenate([middle, expected]))


FIGURE = NamedFigure(
    MARION_SCALING,
    "how far random networks with the factor L^-beta move their input and the gradient, by depth: explosion, a limit,"
    " or the identity (dashed: expected root mean square)",
    draw_ratios,
)
