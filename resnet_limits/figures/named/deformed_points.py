"""Points that a flow deforms, at several times, after Owhadi (arXiv 2008.03920).

Above, the points of the data in the deepest network, from where they start to where the read-out sees them; below,
landmark matching by geodesic shooting: a grid that the flow carries along, with the landmarks and where they are to go.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...measurement.job import FinishedJob
from ...papers import OWHADI
from ..style import COLOURS, MARKERS
from .figure import NamedFigure

TIMES_DRAWN = 5
"""Times 0, 1/4, ..., 1."""
CLASSES_TOLD_APART = 6
"""Classes that are told apart by colour; further ones share colours."""


def draw(jobs: Sequence[FinishedJob]) -> Figure | None:
    """A row for the network, one for the landmarks; None where no job kept either."""
    network = [job for job in jobs if job.array("network.states") is not None and job.settings.width >= 2]
    landmarks = [job for job in jobs if job.array("landmarks.grid") is not None]
    rows = int(bool(network)) + int(bool(landmarks))
    if not rows:
        return None
    figure = Figure(figsize=(1.75 * TIMES_DRAWN, 2.05 * rows + 0.6))
    grid = figure.subplots(rows, TIMES_DRAWN, squeeze=False)
    if network:
        _draw_network(list(grid[0]), network[-1])
    if landmarks:
        _draw_landmarks(list(grid[-1]), landmarks[-1])
    for row in grid:
        _share(list(row))
        for axes in row:
            axes.set_xlabel("first coordinate", fontsize=8)
            axes.tick_params(labelsize=7, length=2)
            axes.grid(visible=False)
    named = [pair for axes in grid[:, 0] for pair in zip(*axes.get_legend_handles_labels(), strict=True)]
    handles, labels = zip(*named, strict=True)
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=8, handletextpad=0.3)
    return figure


def _share(row: list[Axes]) -> None:
    """One square window for all panels of a row, so that motion is seen as motion."""
    boxes = [(axes.get_xlim(), axes.get_ylim()) for axes in row]
    middle, half = [], 0.0
    for side in range(2):
        low, high = min(box[side][0] for box in boxes), max(box[side][1] for box in boxes)
        middle.append((low + high) / 2)
        half = max(half, (high - low) / 2)
    for axes in row:
        axes.set(xlim=(middle[0] - half, middle[0] + half), ylim=(middle[1] - half, middle[1] + half), aspect="equal")


def _draw_network(row: list[Axes], job: FinishedJob) -> None:
    states, targets = job.array("network.states"), job.array("network.targets")
    assert states is not None
    assert targets is not None
    depth, fixed = job.settings.depth, job.settings.hamiltonian.readout == "fixed"
    groups, classes = _groups(targets), len(np.unique(targets)) <= 2
    for i, axes in enumerate(row):
        layer = round(i * depth / (TIMES_DRAWN - 1))
        for group in np.unique(groups):
            x, shown_class = states[layer][groups == group], int(group) % CLASSES_TOLD_APART
            label = f"{'class' if classes else 'target above 0:'} {int(group)}"
            axes.plot(
                x[:, 0],
                x[:, 1],
                MARKERS[shown_class],
                color=COLOURS[shown_class],
                ms=3,
                mew=0.3,
                mec="white",
                label=label,
            )
        axes.set_title(f"$s = {layer}$" + (f" of $L = {depth}$" if i == 0 else ""), fontsize=8.5)
        if fixed and states.shape[2] == 2 and targets.shape[1] == 1:
            axes.axhline(0, color="0.4", lw=0.8, ls=(0, (4, 3)))  # where the score changes sign
    row[0].set_ylabel("network\nsecond coordinate", fontsize=8)


def _groups(targets: np.ndarray) -> np.ndarray:
    """The class of each point; of a regression whether its first target is positive."""
    if targets.shape[1] > 1 and len(np.unique(targets)) <= 2:
        return targets.argmax(axis=1)
    return (targets[:, 0] > 0).astype(int)


def _draw_landmarks(row: list[Axes], job: FinishedJob) -> None:
    grid, states, targets = (job.array(f"landmarks.{name}") for name in ("grid", "states", "targets"))
    assert grid is not None
    assert states is not None
    assert targets is not None
    side = round(grid.shape[1] ** 0.5)
    for i, axes in enumerate(row):
        lines = grid[i].reshape(side, side, 2)
        for k in range(side):
            axes.plot(*lines[k].T, color="0.75", lw=0.4)
            axes.plot(*lines[:, k].T, color="0.75", lw=0.4)
        closed = np.concatenate([targets, targets[:1]])
        axes.plot(*closed.T, "-", color=COLOURS[1], lw=0.8)
        axes.plot(*targets.T, "s", color=COLOURS[1], mfc="white", ms=4, mew=0.9, label="where they are to go")
        axes.plot(*states[i].T, "o", color=COLOURS[0], ms=3.2, label="landmarks")
        axes.set_title(f"$t = {i / (len(row) - 1):g}$", fontsize=8.5)
    row[0].set_ylabel("landmarks\nsecond coordinate", fontsize=8)


FIGURE = NamedFigure(
    OWHADI,
    "points that a flow deforms: those of the data in the deepest network, read out at the end; landmarks, matched"
    " by geodesic shooting, with a grid that the flow carries along (squares: where they are to go)",
    draw,
)
