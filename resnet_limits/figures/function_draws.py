"""Random functions x -> x_T: networks of growing depth beside the SDE, after Peluchetti & Favaro (arXiv 2007.03253).

Curves are draws of a function of one input, images the first of them as a function of two; each row is a family of
networks, on the same noise at every depth.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..studies.study import FinishedJob
from .style import COLOURS

DEPTHS = 3
"""Networks of as many depths: the shallowest, one in the middle, the deepest."""
LEVELS = 17


def draw(jobs: Sequence[FinishedJob]) -> Figure | None:
    """Two rows a family, one column a depth and one for the SDE; None where no functions were drawn."""
    jobs = [job for job in jobs if job.array("functions.inputs") is not None]
    if not jobs:
        return None
    shown = sorted({round(i) for i in np.linspace(0, len(jobs) - 1, min(DEPTHS, len(jobs)))})
    chosen = [jobs[i] for i in shown]
    families = {"own": _name(chosen[-1]), "swish": "swish, $\\sigma_w = \\sigma_b = 1$"}
    columns = [(f"$L = {job.settings.depth}$", job, "network") for job in chosen] + [("SDE", chosen[-1], "sde")]
    figure = Figure(figsize=(1.75 * len(columns) + 0.5, 6.6))
    panels = figure.subplots(2 * len(families), len(columns), squeeze=False)
    for row, (family, name) in enumerate(families.items()):
        lines = [job.array(f"functions.{family}.line.{which}") for _, job, which in columns]
        planes = [job.array(f"functions.{family}.plane.{which}") for _, job, which in columns]
        along, across = (chosen[-1].array(f"functions.{key}") for key in ("inputs", "grid"))
        _curves(panels[2 * row], along, lines)
        _images(figure, panels[2 * row + 1], across, planes)
        panels[2 * row, 0].set_ylabel("$x_T$, first coordinate")
        panels[2 * row + 1, 0].set_ylabel("input $s_2$")
    for axes, (title, _, _) in zip(panels[0], columns, strict=True):
        axes.set_title(title, fontsize=9)
    return figure
