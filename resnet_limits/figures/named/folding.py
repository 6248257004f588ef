"""What keeps trained networks from folding space, and its price, after Rousseau, Drumetz & Fablet (arXiv 1805.09585).

One table: a row for each control, with free and shared weights, and a column for each number, written beside its mark.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...measurement.job import FinishedJob
from ...papers import ROUSSEAU
from ...studies.flow.trained.claims import COLUMNS_OF_TRAINED, CONTROLS_SHOWN, KINDS_OF_WEIGHTS
from ..style import COLOURS, MARKERS
from .figure import NamedFigure

CONTROL_LABELS = {
    "none": "plain",
    "factor": "factor $1/L$",
    "spectral": "spectral normalisation",
    "lipschitz": "Lipschitz penalty",
    "inverse": "inverse penalty",
    "h1": "factor $1/L$, $H^1$ penalty",
}
PANELS_OF_FOLDING = {
    "accuracy": "test accuracy",
    "fold_networks": "networks that fold",
    "fold_fraction": "determinants $\\leq 0$",
    "min_block_det": "least determinant",
    "block_lipschitz": "largest $|h\\,Dv|$",
    "lipschitz_bound": "its bound",
    "inverse_error": "inverse error",
}
"""Columns of the table, with what is written above them."""
FOLDING_THRESHOLDS = {"min_block_det": 0.0, "block_lipschitz": 1.0, "lipschitz_bound": 1.0}
"""Beyond which a block folds, or may fold."""
OFFSET_OF_BARS = 0.19


def draw(jobs: Sequence[FinishedJob]) -> Figure | None:
    """Of the deepest job that has the table; None where none has."""
    tables = [table for job in jobs if (table := job.array("trained.table")) is not None]
    if not tables:
        return None
    figure = Figure(figsize=(9.6, 4.4))
    row = figure.subplots(1, len(PANELS_OF_FOLDING), sharey=True)
    for axes, (name, title) in zip(row, PANELS_OF_FOLDING.items(), strict=True):
        _draw_column(axes, tables[-1], name)
        axes.set_title(title, fontsize=8.5)
    row[0].set_yticks(range(len(CONTROLS_SHOWN)), [CONTROL_LABELS[control] for control in CONTROLS_SHOWN], fontsize=8.5)
    row[0].set_ylim(len(CONTROLS_SHOWN) - 0.5, -0.7)
    figure.legend(*row[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=8)
    return figure


def _draw_column(axes: Axes, table: np.ndarray, name: str) -> None:
    values = table[COLUMNS_OF_TRAINED.index(name)].reshape(len(CONTROLS_SHOWN), len(KINDS_OF_WEIGHTS))
    errors = table[COLUMNS_OF_TRAINED.index("accuracy_error")].reshape(values.shape) if name == "accuracy" else None
    places = np.arange(len(CONTROLS_SHOWN))
    scaled = np.arcsinh(values) if name not in ("accuracy", "fold_networks", "fold_fraction") else values
    finite = scaled[np.isfinite(scaled)]
    if errors is not None:
        finite = np.concatenate([finite, *(np.ravel(values + sign * np.nan_to_num(errors)) for sign in (-1.96, 1.96))])
        finite = finite[np.isfinite(finite)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    if name in FOLDING_THRESHOLDS:
        bound = float(np.arcsinh(FOLDING_THRESHOLDS[name]))
        low, high = min(low, bound), max(high, bound)
        axes.axvline(bound, color="0.3", lw=0.8, ls=(0, (4, 3)))
    room = max(high - low, 1e-9)
    for i, weights in enumerate(KINDS_OF_WEIGHTS):
        y = places + OFFSET_OF_BARS * (2 * i - 1)
        error = None if errors is None else 1.96 * np.nan_to_num(errors[:, i])
        axes.errorbar(
            scaled[:, i], y, xerr=error, fmt=MARKERS[i], ms=4, capsize=2, color=COLOURS[i], label=f"{weights} weights"
        )
        for value, at, height in zip(values[:, i], scaled[:, i], y, strict=True):
            text = "exploded" if np.isnan(value) else _written(float(value))
            place = ((low + high) / 2 if np.isnan(at) else at, height)
            shift: Any = {"xytext": (0, 3.5), "textcoords": "offset points", "ha": "center", "va": "bottom"}
            shift["bbox"] = {"boxstyle": "square,pad=0", "fc": "white", "ec": "none"}
            axes.annotate(text, place, **shift, fontsize=6.5, color=COLOURS[i])
    axes.set_xlim(low - 0.25 * room, high + 0.25 * room)
    axes.set_xticks([])
    for k in range(len(CONTROLS_SHOWN) - 1):
        axes.axhline(k + 0.5, color="0.85", lw=0.6)
    axes.grid(visible=False)
    axes.tick_params(length=0)


def _written(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.3g}"


FIGURE = NamedFigure(
    ROUSSEAU,
    "what keeps trained networks from folding space, and at what price: means over networks (bars: 95 %), least"
    " block determinant, largest |h Dv| at points and its bound by the weights (dashed: 0, and 1), root mean square"
    " error of the blocks run backwards; scales are stretched, the numbers are written beside the marks",
    draw,
)
