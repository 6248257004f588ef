"""Sizes of trained weights by depth, after Cohen, Cont, Rossier & Xu (arXiv 2105.12245).

A column an activation. Above, the branch scale, the weights and their product; below, the increments of the product
from layer to layer. Lines through the deepest point fall as weights do that are a smooth path times 1/L (ODE),
increments of a diffusion (SDE), or of size 1/L and independent from layer to layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...claims.order import FEWEST_POINTS
from ...measurement.job import FinishedJob
from ...papers import COHEN
from ...studies.exponents.trained.claims import ARRAY_OF_SIZES, SIZES, trained_activations
from ...studies.exponents.trained.exponents import mean_exponent, slopes_in_depth
from ..drawable import say_nothing_shown, scale
from ..order import ticks
from ..style import COLOURS, MARKERS
from .figure import NamedFigure

SHOWN_ABOVE = {
    ("weight_size", "A"): r"$\max_k |A_k|$",
    ("branch_scale", "delta"): r"$\max_k |\delta_k|$",
    ("weight_size", "delta A"): r"$\max_k |\delta_k A_k|$",
}
SHOWN_BELOW = {
    ("increment_root_sum", "delta A"): r"root sum of squared increments of $\delta A$",
    ("largest_increment", "delta A"): r"largest increment of $\delta A$",
}
LINES = {
    ("weight_size", "delta A"): {"ODE": 1.0, "SDE": 0.5},
    ("increment_root_sum", "delta A"): {"ODE": 1.5, "SDE": 0.0, "independent layers": 0.5},
    ("largest_increment", "delta A"): {"ODE": 2.0},
}
"""The orders that are expected of a size, by what the weights would be."""
BEHIND: dict[str, Any] = {"frameon": True, "framealpha": 0.85, "edgecolor": "none"}
"""Of legends: lines that run below them stay readable."""
STYLES = {"ODE": "--", "SDE": ":", "independent layers": "-."}


def draw(jobs: Sequence[FinishedJob]) -> Figure | None:
    """Of jobs of any depths and seeds; None where none has the array."""
    arrays: dict[int, list[np.ndarray]] = {}
    for job in jobs:
        if (sizes := job.array(ARRAY_OF_SIZES)) is not None:
            arrays.setdefault(job.settings.depth, []).append(sizes)
    if not arrays:
        return None
    depths = np.array(sorted(arrays))
    sizes_by_depth = [np.concatenate(arrays[depth], axis=2) for depth in depths]
    activations = trained_activations(jobs[0].settings)
    figure = Figure(figsize=(3.9 * len(activations), 7.0))
    grid = figure.subplots(2, len(activations), squeeze=False, sharex=True, sharey="row")
    for i, activation in enumerate(activations):
        sizes = [of_depth[i] for of_depth in sizes_by_depth]
        for axes, shown in zip(grid[:, i], (SHOWN_ABOVE, SHOWN_BELOW), strict=True):
            _draw_panel(axes, depths, sizes, shown)
        grid[0, i].set_title(f"{activation}", loc="left", fontsize=9)
        grid[1, i].set_xlabel("depth $L$")
    for axes in grid[:, 0]:
        axes.set_ylabel("size")
    return figure


def _draw_panel(axes: Axes, depths: np.ndarray, sizes: Sequence[np.ndarray], shown: dict[tuple[str, str], str]) -> None:
    drawn = []
    for n, (size, label) in enumerate(shown.items()):
        values, bars = np.array([_mean(of_depth[SIZES.index(size)]) for of_depth in sizes]).T
        seen = np.isfinite(values)
        if not seen.any():
            continue
        style = {"color": COLOURS[n], "marker": MARKERS[n], "ms": 4, "capsize": 2, "lw": 0.8}
        label += _power(depths, np.array([of_depth[SIZES.index(size)] for of_depth in sizes]))
        axes.errorbar(depths[seen], values[seen], yerr=np.nan_to_num(bars[seen]), label=label, **style)
        drawn.append(values[seen])
        x = depths[seen].astype(float)
        for what, order in LINES.get(size, {}).items():
            expected = values[seen][-1] * (x / x[-1]) ** -order
            of = rf"{what}: $L^{{-{order:g}}}$" if order else f"{what}: constant"
            axes.plot(x, expected, STYLES[what], color=COLOURS[n], lw=1.1, label=of)
    if not drawn:
        say_nothing_shown(axes, "no network was left")
        return
    axes.set_xscale("log", base=2)
    scale(axes, np.concatenate(drawn))
    ticks(axes, depths)
    handles, labels = axes.get_legend_handles_labels()
    expected = len(handles) - len(drawn)  # lines come first, what is measured after them
    axes.legend(handles[expected:] + handles[:expected], labels[expected:] + labels[:expected], fontsize=6.5, **BEHIND)


def _power(depths: np.ndarray, sizes: np.ndarray) -> str:
    """The exponent of sizes (depths, networks), as it stands among the records; empty where it does not."""
    usable = (np.isfinite(sizes) & (sizes > 0)).all(axis=0)
    if len(depths) < FEWEST_POINTS or not usable.any():
        return ""
    exponent = mean_exponent(slopes_in_depth(depths, sizes[:, usable])).value
    return rf" $\sim L^{{{-exponent:.2f}}}$"


def _mean(values: np.ndarray) -> tuple[float, float]:
    """Of the networks that are left, with 1.96 standard errors."""
    left = values[np.isfinite(values)]
    if not len(left):
        return np.nan, np.nan
    return float(left.mean()), 1.96 * float(left.std(ddof=1)) / len(left) ** 0.5 if len(left) > 1 else 0.0


FIGURE = NamedFigure(
    COHEN,
    "trained weights by depth: with tanh the products of branch scale and weights fall like 1/L and are smooth in"
    " depth; with relu they fall like 1/L and change from layer to layer as if these were independent",
    draw,
)
