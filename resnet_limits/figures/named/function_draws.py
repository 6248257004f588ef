"""Random functions x -> x_T: networks of growing depth beside the SDE, after Peluchetti & Favaro (arXiv 2007.03253).

Curves are draws of a function of one input, images the first of them as a function of two. Each family of networks is
drawn on the same noise at every depth: along a row, a curve keeps its colour and tends to that of the SDE (dashed).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.contour import QuadContourSet
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ...measurement.job import FinishedJob
from ...papers import PELUCHETTI
from ...studies.sde.settings import Sde
from ..style import COLOURS
from .figure import NamedFigure

DEPTHS_DRAWN = 3
"""Networks of as many depths: the shallowest, one in the middle, the deepest."""
LEVELS = 20
"""Shades of an image, about."""
FAMILIES = ("own", "swish")


def draw(jobs: Sequence[FinishedJob]) -> Figure | None:
    """A family a part, in it a row of curves and a row of images, a column for each depth and one for the SDE.

    None where no job has drawn functions.
    """
    jobs = [job for job in jobs if job.array("functions.inputs") is not None]
    if not jobs:
        return None
    inputs, grid = (jobs[-1].array(f"functions.{name}") for name in ("inputs", "grid"))
    assert inputs is not None
    assert grid is not None
    shown = sorted({round(i) for i in np.linspace(0, len(jobs) - 1, min(DEPTHS_DRAWN, len(jobs)))})
    columns = [(f"network, $L = {jobs[i].settings.depth}$", jobs[i], "network") for i in shown]
    columns.append(("SDE (also dashed)", jobs[-1], "sde"))
    figure = Figure(figsize=(1.6 * len(columns) + 0.8, 7.6))
    parts: Any = figure.subfigures(len(FAMILIES), 1, hspace=0.03)
    for part, family in zip(parts, FAMILIES, strict=True):
        part.suptitle(_name(family, jobs[-1].settings), fontsize=10)
        curves, images = part.subplots(2, len(columns), height_ratios=(1, 1.25))
        lines, planes = (
            [job.array(f"functions.{family}.{shape}.{which}") for _, job, which in columns]
            for shape in ("line", "plane")
        )
        _draw_curves(curves, inputs, lines)
        contours = _draw_images(images, grid, planes)
        if contours is not None:
            bar = part.colorbar(contours, ax=list(images), shrink=0.9, aspect=16, pad=0.015, ticks=MaxNLocator(6))
            bar.outline.set_visible(False)
            bar.ax.tick_params(labelsize=7, length=2)
            bar.set_label("$x_T$", fontsize=8)
        for axes, (title, _, _) in zip(curves, columns, strict=True):
            axes.set_title(title, fontsize=8.5)
    return figure


def _name(family: str, settings: Sde) -> str:
    if family == "swish":
        return r"swish, $\psi = \mathrm{id}$, $\sigma_w = \sigma_b = 1$, $T = 1$"
    sigma_w, sigma_b = settings.init.sizes()
    inside = "id" if settings.activation_inside == "identity" else settings.activation_inside
    sizes = rf"$\sigma_w = {sigma_w:g}$, $\sigma_b = {sigma_b:g}$"
    return rf"{settings.activation}, $\psi = \mathrm{{{inside}}}$, {sizes}, $T = {settings.horizon:g}$"


def _draw_curves(row: Sequence[Axes], inputs: np.ndarray, lines: Sequence[np.ndarray | None]) -> None:
    low, high = _range(lines)
    for axes, draws in zip(row, lines, strict=True):
        for curve, colour in zip(() if draws is None else draws, COLOURS, strict=False):
            axes.plot(inputs, curve, color=colour, lw=1.4)
        for curve in () if lines[-1] is None or draws is lines[-1] else lines[-1]:
            axes.plot(inputs, curve, color="0.15", lw=0.8, ls=(0, (4, 3)))
        axes.set_xlim(inputs[0], inputs[-1])
        axes.set_ylim(low, high)
        _plain(axes, draws, first=axes is row[0])
        axes.set_xlabel("input $s$", fontsize=8)
    row[0].set_ylabel("$x_T$, first coordinate", fontsize=8)


def _draw_images(row: Sequence[Axes], grid: np.ndarray, planes: Sequence[np.ndarray | None]) -> QuadContourSet | None:
    low, high = _range(planes)
    levels, contours = MaxNLocator(LEVELS).tick_values(low, high), None
    for axes, plane in zip(row, planes, strict=True):
        axes.grid(visible=False)
        if plane is not None:
            shown = np.ma.masked_invalid(plane.T)
            contours = axes.contourf(grid, grid, shown, levels=levels, cmap="cividis", extend="neither")
            contours.set_edgecolor("face")  # no hairlines between the levels
            axes.contour(grid, grid, shown, levels=levels[::4], colors="white", linewidths=0.5, linestyles="-")
        axes.set_aspect("equal")
        _plain(axes, plane, first=axes is row[0])
        axes.set_xlabel("input $s_1$", fontsize=8)
    row[0].set_ylabel("input $s_2$", fontsize=8)
    return contours


def _plain(axes: Axes, drawn: np.ndarray | None, *, first: bool) -> None:
    axes.tick_params(labelsize=7, length=2, labelleft=first)
    axes.set_xticks([-2, 0, 2])
    if drawn is None:
        axes.text(0.5, 0.5, "no SDE", transform=axes.transAxes, ha="center", va="center", fontsize=8, color="0.4")


def _range(arrays: Sequence[np.ndarray | None]) -> tuple[float, float]:
    """The least and largest value shown, with a margin."""
    values = np.concatenate([[0.0], *(a[np.isfinite(a)] for a in arrays if a is not None)])
    margin = 0.04 * (values.max() - values.min()) + 1e-9
    return float(values.min() - margin), float(values.max() + margin)


FIGURE = NamedFigure(
    PELUCHETTI,
    "random functions x -> x_T on one noise: networks of growing depth beside the SDE that they approach (dashed);"
    " of one input, where each curve is a draw, and of two, where an image shows the first draw",
    draw,
)
