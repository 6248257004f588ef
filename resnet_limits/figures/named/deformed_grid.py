"""The plane deformed layer by layer, after Rousseau, Drumetz & Fablet (arXiv 1805.09585).

A row for the map of each trained network and one for its inverse: a grid and test points at five layers, the nodes red
from the layer on at which a block folds space there, and the determinant of the whole map where it begins. A network
without control has no inverse where it folds; its blocks run backwards are shown for what they are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import SymLogNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from ...measurement.job import FinishedJob
from ...papers import ROUSSEAU
from ..drawable import say_nothing_shown
from .figure import NamedFigure

ROWS_OF_MAPS = {
    "none.map": "plain",
    "spectral.map": "spectral\nnormalisation",
    "none.inverse": "plain, blocks run\nbackwards with $-h$",
    "spectral.inverse": "spectral normalisation,\ninverse of each block",
}
"""Arrays `trained.ROW.*`, with what is written beside them."""
NODES_A_LINE = 4
"""Nodes from one line of the grid to the next."""
CLASS_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7")
COLOUR_OF_FOLDS = "#D00000"
SMALLEST_DETERMINANT = 1e-3
"""Determinants below are near white."""
LARGEST_DETERMINANT = 100.0
"""Determinants beyond it have the colour of its sign."""
MARGIN_OF_RANGE = 0.15
"""Around the points, in units of their range; of a map that blows up, no more is shown."""


def draw(jobs: Sequence[FinishedJob]) -> Figure | None:
    """Of the deepest job that kept the plane; None where none did."""
    jobs = [job for job in jobs if job.array("trained.layers") is not None]
    if not jobs:
        return None
    job = jobs[-1]
    layers, labels = job.array("trained.layers"), job.array("trained.labels")
    rows = [row for row in ROWS_OF_MAPS if job.array(f"trained.{row}.nodes") is not None]
    if layers is None or labels is None or not rows:
        return None
    figure = Figure(figsize=(1.62 * (len(layers) + 1) + 0.9, 1.72 * len(rows) + 0.6))
    panels = figure.subplots(len(rows), len(layers) + 1, squeeze=False)
    image = None
    for row, axes in zip(rows, panels, strict=True):
        image = _draw_row(list(axes), job, row, labels, [int(k) for k in layers])
        axes[0].set_ylabel(ROWS_OF_MAPS[row], fontsize=8)
    assert image is not None
    bar = figure.colorbar(image, ax=list(panels[-1, -3:]), location="bottom", shrink=0.9, aspect=40, pad=0.03)
    ticks = [-100, -1, -0.01, 0, 0.01, 1, 100]
    bar.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks])
    bar.set_label("determinant", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    return figure


def _draw_row(row: list[Axes], job: FinishedJob, name: str, labels: np.ndarray, layers: list[int]) -> AxesImage:
    nodes, points, folded, determinant = (
        job.array(f"trained.{name}.{what}") for what in ("nodes", "points", "folded", "determinant")
    )
    assert nodes is not None
    assert points is not None
    assert folded is not None
    assert determinant is not None
    back = name.endswith("inverse")
    for i, axes in enumerate(row[:-1]):
        _draw_plane(axes, nodes[i], points[i], folded[i], labels)
        k = layers[-1] - layers[i] if back else layers[i]
        axes.set_title(f"layer {k}" + (f" of {layers[-1]}" if i == 0 else ""), fontsize=8)
    low, high = _corners(nodes[0])
    image = row[-1].imshow(
        np.clip(np.nan_to_num(determinant, nan=0.0), -LARGEST_DETERMINANT, LARGEST_DETERMINANT),
        origin="lower",
        extent=(float(low[0]), float(high[0]), float(low[1]), float(high[1])),
        cmap="RdBu",
        norm=SymLogNorm(SMALLEST_DETERMINANT, vmin=-LARGEST_DETERMINANT, vmax=LARGEST_DETERMINANT),
        aspect="auto",
        interpolation="nearest",
    )
    if folded[-1].any() and not folded[-1].all():
        x, y = nodes[0][..., 0], nodes[0][..., 1]
        row[-1].contour(x, y, folded[-1], levels=[0.5], colors=COLOUR_OF_FOLDS, linewidths=0.7)
    of = "the map" if not back else "the way back" if name.startswith("none") else "the inverse"
    row[-1].set_title(f"det of {of}", fontsize=8)
    for axes in row:
        axes.tick_params(labelsize=6, length=2)
        axes.grid(visible=False)
    return image


def _corners(nodes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of the grid where it begins; of the unit square where that is none."""
    low, high = nodes.reshape(-1, 2).min(axis=0), nodes.reshape(-1, 2).max(axis=0)
    return (low, high) if bool((low < high).all()) else (np.zeros(2), np.ones(2))


def _draw_plane(axes: Axes, nodes: np.ndarray, points: np.ndarray, folded: np.ndarray, labels: np.ndarray) -> None:
    known = points[np.isfinite(points).all(axis=1)]
    if not len(known):
        say_nothing_shown(axes, "no numbers")
        return
    low, high = known.min(axis=0), known.max(axis=0)
    middle, half = (low + high) / 2, (0.5 + MARGIN_OF_RANGE) * (high - low)
    half[half == 0] = 1.0  # all points are one
    lines = [*nodes[::NODES_A_LINE], *nodes[:, ::NODES_A_LINE].swapaxes(0, 1)]
    seen = np.clip(lines, middle - 10 * half, middle + 10 * half)  # no line that is far outside breaks a format
    axes.add_collection(LineCollection(list(seen), colors="0.55", linewidths=0.35))
    for label in np.unique(labels):
        x = points[labels[: len(points)] == label]
        axes.plot(x[:, 0], x[:, 1], ".", color=CLASS_COLOURS[int(label) % len(CLASS_COLOURS)], ms=1.6)
    x = nodes[folded > 0]
    x = x[(np.abs(x - middle) <= half).all(axis=1)]
    axes.plot(x[:, 0], x[:, 1], ".", color=COLOUR_OF_FOLDS, ms=2.2, mew=0, rasterized=True, zorder=1.5)
    axes.set_xlim(middle[0] - half[0], middle[0] + half[0])
    axes.set_ylim(middle[1] - half[1], middle[1] + half[1])


FIGURE = NamedFigure(
    ROUSSEAU,
    "the plane deformed layer by layer by a trained network, and carried back from its outputs; red from the layer"
    " on at which a block folds space; right, the determinant of the whole map where it begins (red line: where a"
    " block folds). A plain network folds: its blocks run backwards do not invert it; with spectral normalisation"
    " each block has an inverse",
    draw,
)
