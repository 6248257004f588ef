"""Figures of papers by name: the key `figure`, whose configurations stand in `configs/figure/`, and `Study.figures`,
those that a study always draws.

A named figure draws from the arrays that finished jobs kept; it computes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from ..measurement.job import FinishedJob
from ..papers import LEE_WIDE, MARION_REGULARISATION, OWHADI, PELUCHETTI, ROUSSEAU, THORPE, Paper
from . import (
    correlation_by_layer,
    deformed_grid,
    deformed_points,
    folding,
    function_draws,
    implicit_regularisation,
    kernel_regression,
    minimisers,
    width_and_depth,
)


@dataclass(frozen=True)
class NamedFigure:
    """A figure of a paper: `draw(jobs)` returns None where the jobs did not keep what it shows."""

    source: Paper
    caption: str
    draw: Callable[[Sequence[FinishedJob]], Figure | None]
    across: str = ""
    """A key over whose values one figure is drawn, where it is swept."""


NAMED: dict[str, NamedFigure] = {
    "implicit_regularisation": NamedFigure(
        MARION_REGULARISATION,
        "trained weights against depth: smooth functions of t = k/L from a tied start, rough from an i.i.d. start",
        implicit_regularisation.draw,
    ),
    "function_draws": NamedFigure(
        PELUCHETTI,
        "random functions x -> x_T on one noise: networks of growing depth beside the SDE that they approach (dashed);"
        " of one input, where each curve is a draw, and of two, where an image shows the first draw",
        function_draws.draw,
    ),
    "correlation_by_layer": NamedFigure(
        PELUCHETTI,
        "correlation of two inputs layer by layer: with the factor (T/L)^1/2 it goes where the limit says; feed-forward"
        " networks make one of two inputs; with factor 1, tanh networks forget how they were related and swish networks"
        " explode",
        correlation_by_layer.draw,
    ),
    "width_and_depth": NamedFigure(
        PELUCHETTI,
        "width and depth, each finite or infinite: means of networks and of their SDE beside the exact recursion of"
        " infinite width; fluctuations over networks fall as the width to the power -1/2 at every depth",
        width_and_depth.draw,
        across="width",
    ),
    "kernel_regression": NamedFigure(
        LEE_WIDE,
        "networks of finite width against inference with the kernel of infinite width: distance by width, what the"
        " widest ones learnt at test points, and test accuracies (networks and their kernel see fewer training points)",
        kernel_regression.draw,
    ),
    "minimisers": NamedFigure(
        THORPE,
        "minimisers over depth: with the H1 penalty the layers of networks of growing depth trace smooth functions of"
        " t = k/n that converge; from an i.i.d. start they stay rough without a penalty, and with a small decay",
        minimisers.draw,
    ),
    "deformed_points": NamedFigure(
        OWHADI,
        "points that a flow deforms: those of the data in the deepest network, read out at the end; landmarks, matched"
        " by geodesic shooting, with a grid that the flow carries along (squares: where they are to go)",
        deformed_points.draw,
    ),
    "deformed_grid": NamedFigure(
        ROUSSEAU,
        "the plane deformed layer by layer by a trained network, and carried back from its outputs; red from the layer"
        " on at which a block folds space; right, the determinant of the whole map where it begins (red line: where a"
        " block folds). A plain network folds: its blocks run backwards do not invert it; with spectral normalisation"
        " each block has an inverse",
        deformed_grid.draw,
    ),
    "folding": NamedFigure(
        ROUSSEAU,
        "what keeps trained networks from folding space, and at what price: means over networks (bars: 95 %), least"
        " block determinant, largest |h Dv| at points and its bound by the weights (dashed: 0, and 1), root mean square"
        " error of the blocks run backwards; scales are stretched, the numbers are written beside the marks",
        folding.draw,
    ),
}
"""By name; the names stand in `settings.FIGURES` too, which is free of matplotlib."""
