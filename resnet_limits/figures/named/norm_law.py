"""The law of norms at the critical factor, after Marion, Fermanian, Biau & Vert (arXiv 2206.06929), figure 3.

Histograms over networks of `|h_L|^2/|h_0|^2` and of `|g_0|^2/|g_L|^2` at beta = 1/2, and the log-normal law of mean
`2 c (1/2 - 1/D)` and variance `4 c/D` that both approach.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...measurement.job import FinishedJob
from ...papers import MARION_SCALING
from ..style import COLOURS
from .figure import NamedFigure

PANELS_OF_NORMS = {
    "norm_ratio": "$|h_L|^2\\,/\\,|h_0|^2$",
    "gradient_norm_ratio": "$|g_0|^2\\,/\\,|g_L|^2$",
}
BETA_OF_LAW = 0.5
BINS_OF_NORMS = 60


def draw(jobs: Sequence[FinishedJob]) -> Figure | None:
    """A panel for states and one for gradients, of the deepest job; None where it has no beta = 1/2, or no law."""
    jobs = [job for job in jobs if job.array("ratio.log_law") is not None]
    betas = jobs[-1].array("ratio.betas") if jobs else None
    if betas is None or BETA_OF_LAW not in betas:
        return None
    job, i = jobs[-1], betas.tolist().index(BETA_OF_LAW)
    law = job.array("ratio.log_law")
    figure = Figure(figsize=(6.4, 2.8))
    row = figure.subplots(1, 2, sharey=True)
    for axes, (name, label) in zip(row, PANELS_OF_NORMS.items(), strict=True):
        values = job.array(f"ratio.{name}")
        if values is not None and law is not None:
            _draw(axes, values[i], *law[i])
        axes.set_xlabel(label)
    row[0].set_ylabel("density")
    if row[0].get_legend_handles_labels()[0]:
        row[0].legend(fontsize=7)
    figure.suptitle(f"$\\beta = 1/2$, $L = {job.settings.depth}$, $D = {job.settings.width}$", fontsize=9)
    return figure


def _draw(axes: Axes, values: np.ndarray, mean: float, variance: float) -> None:
    values = values[np.isfinite(values) & (values > 0)]
    if len(values) < 2 or not variance > 0:
        return
    axes.hist(values, bins=BINS_OF_NORMS, density=True, color=COLOURS[0], alpha=0.5, label="networks")
    x = np.linspace(values.min(), values.max(), 400)
    density = np.exp(-((np.log(x) - mean) ** 2) / (2 * variance)) / (x * np.sqrt(2 * np.pi * variance))
    axes.plot(x, density, "--", color=COLOURS[1], lw=1.4, label="log-normal law")


FIGURE = NamedFigure(
    MARION_SCALING,
    "norms of states and gradients of random networks at the critical factor L^-1/2, over networks, and the log-normal"
    " law that they approach (dashed)",
    draw,
)
