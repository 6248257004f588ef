"""Regularity against the factor L^-beta, after Marion, Fermanian, Biau & Vert (arXiv 2206.06929), figure 7.

How far networks move their input, by the Hurst index of their weights and by beta, and the line of critical exponents
of this block and activation: above it networks freeze, below they explode.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from ...measurement.job import FinishedJob
from ...papers import MARION_SCALING
from .figure import NamedFigure

LARGEST_POWER_DRAWN = 3.0
"""Of ten: what moves further, or exploded, has the colour of this."""


def draw(jobs: Sequence[FinishedJob]) -> Figure | None:
    """The map of the deepest networks; None where none is there."""
    jobs = [job for job in jobs if job.array("frontier.changes") is not None]
    deepest = max((job.settings.depth for job in jobs), default=0)
    columns = {_number(job, "index"): job for job in jobs if job.settings.depth == deepest}
    if not columns:
        return None
    indices = sorted(columns)
    betas = columns[indices[0]].array("frontier.betas")
    changes = [columns[index].array("frontier.changes") for index in indices]
    assert betas is not None
    powers = np.clip(np.nan_to_num(np.array(changes, dtype=float), nan=np.inf), None, LARGEST_POWER_DRAWN).T
    figure = Figure(figsize=(4.6, 3.5))
    axes = figure.subplots()
    mesh = axes.pcolormesh(indices, betas, powers, cmap="RdBu_r", vmin=-LARGEST_POWER_DRAWN, vmax=LARGEST_POWER_DRAWN)
    line = [_number(columns[index], "critical") for index in indices]
    axes.plot(indices, line, "k--", lw=1.6, label="critical exponent")
    axes.set_xlabel("Hurst index $H$ of the weights")
    axes.set_ylabel("$\\beta$")
    axes.set_title(f"$L = {deepest}$", fontsize=9)
    axes.grid(visible=False)
    figure.legend(loc="outside lower center", fontsize=8)
    figure.colorbar(mesh, label="$\\log_{10}\\,|h_L - h_0|\\,/\\,|h_0|$", extend="max")
    return figure


def _number(job: FinishedJob, name: str) -> float:
    array = job.array(f"frontier.{name}")
    return float("nan") if array is None else float(array[0])


FIGURE = NamedFigure(
    MARION_SCALING,
    "how far random networks move their input, by the Hurst index of their weights and the exponent of the factor"
    " L^-beta, and the critical exponent (dashed)",
    draw,
    across="init.hurst",
)
