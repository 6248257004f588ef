"""All figures of some judged claims, written to a folder as png, svg and pdf."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from ..claims.claim import Claim, Judgement
from ..files import whole
from ..measurement.job import FinishedJob
from ..settings.registry import FIGURES
from .drawable import with_drawable_arrays
from .order import order_figure
from .overview import overview_figure
from .spread import spread
from .style import rc, styled
from .value import value_figure

FORMATS = ("png", "svg", "pdf")


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


@dataclass(frozen=True)
class ClaimSheet:
    """The figure of one judged claim, to be written to `path` with a suffix."""

    path: Path
    judgement: Judgement
    points: pd.DataFrame

    def draw(self) -> None:
        figure = order_figure if self.judgement.expected.is_order else value_figure
        _write(self.path, figure(self.judgement, self.points))


@dataclass(frozen=True)
class OverviewSheet:
    """The figure of all judged claims of one setting."""

    path: Path
    judged: Sequence[tuple[Judgement, pd.DataFrame]]

    def draw(self) -> None:
        _write(self.path, overview_figure(self.judged))


def write_figures(
    folder: Path,
    judged: Sequence[tuple[Judgement, pd.DataFrame]],
    *,
    named: Sequence[NamedRequest] = (),
    replace: bool = True,
) -> list[WrittenFigure]:
    """One figure a claim and setting, named by the claim, an overview of each setting, and the named figures.

    With `replace` the figures of an earlier collection are removed: the folder is the run's own.
    """
    folder.mkdir(exist_ok=True)
    judged = [(_shown(judgement), points) for judgement, points in judged if not points.empty]
    claims = [ClaimSheet(folder / file_name(j.claim.id, j.setting), j, points) for j, points in judged]
    settings: dict[str, list[tuple[Judgement, pd.DataFrame]]] = {}
    for judgement, points in judged:
        settings.setdefault(file_name("overview", judgement.setting), []).append((judgement, points))
    overviews = [OverviewSheet(folder / name, judged) for name, judged in settings.items()]
    drawn: list[WrittenFigure] = []
    with styled(), spread([*overviews, *claims], within=partial(styled, rc())):
        for request in named:  # here, because jobs read their arrays from files when they are asked
            figure = FIGURES[request.name].draw(with_drawable_arrays(request.jobs))
            if figure is not None:
                path = folder / file_name(request.name, request.setting)
                figure.draw_without_rendering()  # the layout is found once, not for every format
                figure.set_layout_engine("none")
                _write(path, figure)
                drawn.append(WrittenFigure(path, "named", FIGURES[request.name].caption, request.setting))
    drawn += [
        WrittenFigure(sheet.path, "claim", sheet.judgement.claim.statement, sheet.judgement.setting) for sheet in claims
    ]
    drawn += [
        WrittenFigure(sheet.path, "overview", "all claims at a glance", sheet.judged[0][0].setting)
        for sheet in overviews
    ]
    written = {f"{figure.name}.{suffix}" for figure in drawn for suffix in FORMATS}
    for path in folder.iterdir() if replace else ():
        if path.is_file() and path.name not in written:
            path.unlink()
    return drawn


def _shown(judgement: Judgement) -> Judgement:
    """What figures show of a judgement: without the functions of its claim, which no other process could be given."""
    claim = judgement.claim
    plain = Claim(claim.id, claim.source, claim.statement, claim.kind, claim.observable, judgement.expected)
    return replace(judgement, claim=plain, setting=dict(judgement.setting))


def _write(path: Path, figure: Figure) -> None:
    """Write a figure whose layout is found in every format."""
    # Not `savefig`, which draws everything once more, to no effect, before each format. Without a date the same
    # records give the same file.
    prints = {
        "png": FigureCanvasAgg(figure).print_png,
        "svg": partial(FigureCanvasSVG(figure).print_svg, metadata={"Date": None}),
        "pdf": partial(FigureCanvasPdf(figure).print_pdf, metadata={"CreationDate": None}),
    }
    for suffix in FORMATS:
        with whole(path.with_name(f"{path.name}.{suffix}")) as beside:
            prints[suffix](beside)


def file_name(first: str, setting: Mapping[str, Any]) -> str:
    """`ode.rough` or `ode.rough_activation=relu`, without signs that file systems dislike."""
    words = [first, *(f"{key}={value}" for key, value in setting.items())]
    return "".join(c if c.isalnum() or c in "._=-" else "-" for c in "_".join(words))
