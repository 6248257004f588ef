"""Minimisers over depth, after Thorpe & van Gennip (arXiv 1810.11741).

A few entries of `K_k` as functions of `t = k/n` for several depths on top of each other: with the H1 penalty they trace
one smooth curve, whatever the depth; without, or with a small decay in its place, they stay as rough as they started.
"""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from ...measurement.job import FinishedJob
from ...papers import THORPE
from .. import over_depth
from ..over_depth import Panel
from .figure import NamedFigure

PANELS_OF_MINIMISERS = {
    "real.K": Panel("$H^1$ penalty: minimisers on the data", 4, replicas=False),
    "ablation.none": Panel("no penalty, i.i.d. start", 1),
    "ablation.decay": Panel("small decay, i.i.d. start", 1),
}


def draw(jobs: Sequence[FinishedJob]) -> Figure | None:
    """A panel for each of the arrays that are there; None without any."""
    return over_depth.draw_over_depth(jobs, PANELS_OF_MINIMISERS, depth="n", what="entries of $K_k$")


FIGURE = NamedFigure(
    THORPE,
    "minimisers over depth: with the H1 penalty the layers of networks of growing depth trace smooth functions of"
    " t = k/n that converge; from an i.i.d. start they stay rough without a penalty, and with a small decay",
    draw,
)
