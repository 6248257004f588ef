"""All figures of some judged claims, written to a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from ..claims.claim import Judgement
from ..files import whole
from ..measurement.job import FinishedJob
from ..settings.registry import FIGURES
from .drawable import with_drawable_arrays
from .panels import claim_figure, overview_figure
from .style import styled

FIGURE_FORMATS = ("png", "svg")
"""Of the figures in a run folder. To embed the fonts of a PDF takes longer than all else that a figure needs."""
FORMATS_FOR_PAPERS = (*FIGURE_FORMATS, "pdf")
"""Of figures that are asked for in a folder of their own."""


@dataclass(frozen=True)
class WrittenFigure:
    """A figure that was written: its file name without suffix, what it shows, and the setting it belongs to.

    `kind` is `named` (a figure of a paper), `claim` or `overview`.
    """

    path: Path
    kind: str
    caption: str
    setting: Mapping[str, Any]

    @property
    def name(self) -> str:
        return self.path.name


@dataclass(frozen=True)
class NamedRequest:
    """A figure of a paper that a run asked for, with the finished jobs of one setting that it may draw."""

    name: str
    setting: Mapping[str, Any]
    jobs: list[FinishedJob]


def write_figures(
    folder: Path,
    judged: Sequence[tuple[Judgement, pd.DataFrame]],
    *,
    named: Sequence[NamedRequest] = (),
    formats: Sequence[str] = FIGURE_FORMATS,
    replace: bool = True,
) -> list[WrittenFigure]:
    """One figure a claim and setting, named by the claim, an overview of each setting, and the named figures.

    With `replace` the figures of an earlier collection are removed: the folder is the run's own.
    """
    folder.mkdir(exist_ok=True)
    drawn: list[WrittenFigure] = []

    def write(figure: Figure, name: str, kind: str, caption: str, setting: Mapping[str, Any]) -> None:
        drawn.append(WrittenFigure(folder / file_name(name, setting), kind, caption, setting))
        _write(drawn[-1].path, figure, formats)

    settings: dict[str, list[tuple[Judgement, pd.DataFrame]]] = {}
    with styled():
        for request in named:
            figure = FIGURES[request.name].draw(with_drawable_arrays(request.jobs))
            if figure is not None:
                write(figure, request.name, "named", FIGURES[request.name].caption, request.setting)
        for judgement, points in judged:
            if not points.empty:
                figure = claim_figure(judgement, points)
                write(figure, judgement.claim.id, "claim", judgement.claim.statement, judgement.setting)
                settings.setdefault(str(judgement.setting), []).append((judgement, points))
        for together in settings.values():
            write(overview_figure(together), "overview", "overview", "all claims at a glance", together[0][0].setting)
    written = {f"{figure.name}.{suffix}" for figure in drawn for suffix in formats}
    for path in folder.iterdir() if replace else ():
        if path.is_file() and path.name not in written:
            path.unlink()
    return drawn


def _write(path: Path, figure: Figure, formats: Sequence[str]) -> None:
    """Write a figure without a date: the same records give the same file.

    Not by `savefig`, which draws everything once more, to no effect, before each format.
    """
    if figure.get_layout_engine() is not None:
        figure.draw_without_rendering()  # the layout is found once, not for every format
        figure.set_layout_engine("none")
    prints = {
        "png": FigureCanvasAgg(figure).print_png,
        "svg": partial(FigureCanvasSVG(figure).print_svg, metadata={"Date": None}),
        "pdf": partial(FigureCanvasPdf(figure).print_pdf, metadata={"CreationDate": None}),
    }
    for suffix in formats:
        with whole(path.with_name(f"{path.name}.{suffix}")) as beside:
            prints[suffix](beside)


def file_name(first: str, setting: Mapping[str, Any]) -> str:
    """`ode.rough` or `ode.rough_activation=relu`, without signs that file systems dislike."""
    words = [first, *(f"{key}={value}" for key, value in setting.items())]
    return "".join(c if c.isalnum() or c in "._=-" else "-" for c in "_".join(words))
