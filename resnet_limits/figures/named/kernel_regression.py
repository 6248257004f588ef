"""Trained networks against regression with their kernel, after Lee et al. (arXiv 1902.06720).

Distance of networks to the kernel of infinite width by their width; what the widest ones learnt at test points against
what the kernel predicts; test accuracies.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from ...measurement.job import FinishedJob
from ...papers import LEE_WIDE
from ..drawable import scale
from ..style import COLOURS, MARKERS
from .figure import NamedFigure

DISTANCES = {"trained": "fully trained", "mean": "weakly: mean", "variance": "weakly: variance"}
ACCURACIES = {
    "accuracy": ("linear ridge", "NNGP", "tangent kernel", "deep block"),
    "inference.accuracy": ("finite networks", "their kernel"),
}
"""By array, what its columns are."""
MOST_POINTS_DRAWN = 2000
"""Points of the scatter plot."""


def draw(jobs: Sequence[FinishedJob]) -> Figure | None:
    """Of the deepest job that has the arrays; None where none has."""
    jobs = [job for job in jobs if job.array("inference.distance.trained") is not None]
    if not jobs:
        return None
    job = jobs[-1]
    accuracies = _accuracies(job)
    figure = Figure(figsize=(2.9 * (2 + bool(accuracies)), 3.0))
    row = figure.subplots(1, 2 + bool(accuracies))
    _draw_distances(row[0], job)
    _draw_predictions(row[1], job)
    if accuracies:
        _draw_accuracies(row[2], accuracies)
    return figure


def _draw_distances(axes: Axes, job: FinishedJob) -> None:
    ends, distances = [], []
    for (name, label), colour, marker in zip(DISTANCES.items(), COLOURS, MARKERS, strict=False):
        table = job.array(f"inference.distance.{name}")
        if table is None:
            continue
        width, distance, error = table
        bars = 1.96 * np.nan_to_num(error)
        axes.errorbar(width, distance, yerr=bars, color=colour, marker=marker, ms=4, capsize=2, ls="", label=label)
        axes.plot(width, distance[-1] * (width / width[-1]) ** -0.5, "--", color=colour, lw=0.9)
        ends += [width[0], width[-1]]
        distances += [*distance]
    axes.plot([], [], "--", color="0.4", lw=0.9, label="$D^{-1/2}$")
    axes.set_xscale("log", base=2)
    scale(axes, np.array(distances))
    _label(axes)
    ticks = 2.0 ** np.arange(np.floor(np.log2(min(ends))), np.ceil(np.log2(max(ends))) + 1, 2)
    axes.set_xticks(ticks, [f"{d:.0f}" for d in ticks])
    axes.minorticks_off()
    axes.set_xlabel("width $D$")
    axes.set_ylabel("relative distance to $D = \\infty$", fontsize=8)
    axes.legend(fontsize=7)


def _label(axes: Axes) -> None:
    """Numbers at 1, 2 and 5: the range is about one power of ten."""
    if axes.get_yscale() == "log":
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())


def _draw_predictions(axes: Axes, job: FinishedJob) -> None:
    learnt, predicted = (job.array(f"inference.{name}") for name in ("learnt", "predicted"))
    if learnt is None or predicted is None:
        return
    x, y = np.broadcast_to(predicted, learnt.shape).ravel()[:MOST_POINTS_DRAWN], learnt.ravel()[:MOST_POINTS_DRAWN]
    axes.plot(x, y, ".", color=COLOURS[0], ms=2, alpha=0.4, rasterized=True)
    ends = [*x[np.isfinite(x)], *y[np.isfinite(y)]]
    if ends:
        axes.plot([min(ends), max(ends)], [min(ends), max(ends)], "--", color="0.15", lw=1.0)
    axes.set_xlabel("the kernel's prediction", fontsize=8)
    axes.set_ylabel(f"learnt, $D = {job.settings.width}$", fontsize=8)
    axes.set_aspect("equal")


def _accuracies(job: FinishedJob) -> dict[str, np.ndarray]:
    """Accuracy and its standard error by name and number of training points; those that are not known are left out."""
    accuracies = {}
    for name, labels in ACCURACIES.items():
        if (table := job.array(name)) is not None:
            accuracies |= {f"{name}, {column[2]:,.0f}": column for name, column in zip(labels, table.T, strict=True)}
    return {label: accuracy for label, accuracy in accuracies.items() if np.isfinite(accuracy[0])}


def _draw_accuracies(axes: Axes, accuracies: dict[str, np.ndarray]) -> None:
    places = np.arange(len(accuracies))[::-1]
    values, errors, _ = np.array(list(accuracies.values())).T
    axes.errorbar(values, places, xerr=1.96 * np.nan_to_num(errors), fmt="o", ms=4, capsize=2, color=COLOURS[0])
    axes.set_yticks(places, list(accuracies), fontsize=8)
    axes.set_ylim(-0.6, len(accuracies) - 0.4)
    axes.set_xlabel("test accuracy, by training points")


FIGURE = NamedFigure(
    LEE_WIDE,
    "networks of finite width against inference with the kernel of infinite width: distance by width, what the"
    " widest ones learnt at test points, and test accuracies (networks and their kernel see fewer training points)",
    draw,
)
