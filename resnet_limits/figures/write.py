"""All figures of some judged claims, written to a folder as png, svg and pdf."""

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
from ..runs.files import whole
from ..studies.study import FinishedJob
from .named import NAMED
from .order import order_figure
from .overview import overview_figure
from .style import styled
from .value import value_figure

FORMATS = ("png", "svg", "pdf")


@dataclass(frozen=True)
class Drawn:
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
    jobs: Sequence[FinishedJob]


def write_figures(
    folder: Path,
    judged: Sequence[tuple[Judgement, pd.DataFrame]],
    *,
    named: Sequence[NamedRequest] = (),
    replace: bool = True,
) -> list[Drawn]:
    """One figure a claim and setting, named by the claim, an overview of each setting, and the named figures.

    With `replace` the figures of an earlier collection are removed: the folder is the run's own.
    """
    folder.mkdir(exist_ok=True)
    settings: dict[str, list[tuple[Judgement, pd.DataFrame]]] = {}
    drawn: list[Drawn] = []
    with styled():
        for request in named:
            figure = NAMED[request.name].draw(request.jobs)
            if figure is not None:
                path = folder / file_name(request.name, request.setting)
                drawn.append(_write(path, figure, "named", NAMED[request.name].caption, request.setting))
        for judgement, points in judged:
            if points.empty:
                continue
            settings.setdefault(file_name("overview", judgement.setting), []).append((judgement, points))
            draw = order_figure if judgement.expected.what.startswith("order") else value_figure
            path = folder / file_name(judgement.claim.id, judgement.setting)
            figure = draw(judgement, points)
            drawn.append(_write(path, figure, "claim", judgement.claim.statement, judgement.setting))
        for name, its in settings.items():
            setting = its[0][0].setting
            drawn.append(_write(folder / name, overview_figure(its), "overview", "all claims at a glance", setting))
    written = {f"{its.name}.{suffix}" for its in drawn for suffix in FORMATS}
    for path in folder.iterdir() if replace else ():
        if path.is_file() and path.name not in written:
            path.unlink()
    return drawn


def _write(path: Path, figure: Figure, kind: str, caption: str, setting: Mapping[str, Any]) -> Drawn:
    figure.draw_without_rendering()  # the layout is found once, not for every format
    figure.set_layout_engine("none")
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
    return Drawn(path, kind, caption, setting)


def file_name(first: str, setting: Mapping[str, Any]) -> str:
    """`ode.rough` or `ode.rough_activation=relu`, without signs that file systems dislike."""
    words = [first, *(f"{key}={value}" for key, value in setting.items())]
    return "".join(c if c.isalnum() or c in "._=-" else "-" for c in "_".join(words))
