"""All figures of some judged claims, written to a folder; those that are there as they would be drawn are left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
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
from .curves import CurvePanel, curves_figure
from .drawable import with_drawable_arrays
from .drawn import FILE, Drawn, code_of, digest_of_bytes
from .overview import overview_figure
from .panels import Judged, Wording, claim_figure
from .style import styled

FIGURE_FORMATS = ("png", "svg")
"""Of the figures in a run folder. To embed the fonts of a PDF takes longer than all else that a figure needs."""
OF_CLAIMS = ("svg",)
"""Of those of single claims in a run folder: there are dozens, and each format takes as long as the first."""
FORMATS_FOR_PAPERS = (*FIGURE_FORMATS, "pdf")
"""Of figures that are asked for in a folder of their own."""


@dataclass(frozen=True)
class WrittenFigure:
    """A figure that was written: its file name without suffix, what it shows, and the setting it belongs to.

    `kind` is `named` (a figure of a paper), `learning` (what trained networks reached), `claim` or `overview`; `shows`
    is the id of the claim, or the name of the figure.
    """

    path: Path
    kind: str
    caption: str
    setting: Mapping[str, Any]
    shows: str

    @property
    def name(self) -> str:
        return self.path.name


@dataclass(frozen=True)
class NamedRequest:
    """A figure of a paper that a run asked for, with the finished jobs of one setting that it may draw.

    `content` identifies what these jobs kept.
    """

    name: str
    setting: Mapping[str, Any]
    jobs: list[FinishedJob]
    content: list[str]


@dataclass(frozen=True)
class LearningRequest:
    """Curves of trained networks at one setting, in rows of panels."""

    name: str
    setting: Mapping[str, Any]
    caption: str
    rows: Sequence[Sequence[CurvePanel]]


@dataclass(frozen=True)
class _Task:
    """A figure to draw: what identifies all that it shows, and what draws it (None: there is nothing to show)."""

    name: str
    setting: Mapping[str, Any]
    kind: str
    caption: str
    content: str
    draw: Callable[[], Figure | None]

    @property
    def formats(self) -> Sequence[str]:
        return OF_CLAIMS if self.kind == "claim" else FIGURE_FORMATS


Progress = Callable[[int, int], None]
"""Called with how many figures were drawn, and how many there are to draw."""


def write_figures(
    folder: Path,
    judged: Sequence[Judged],
    *,
    named: Sequence[NamedRequest] = (),
    learning: Sequence[LearningRequest] = (),
    wording: Wording | None = None,
    formats: Sequence[str] = (),
    replace: bool = True,
    progress: Progress | None = None,
) -> list[WrittenFigure]:
    """One figure a claim and setting, named by the claim, an overview of each setting, the named figures, and those of
    what trained networks reached.

    `formats` are those of every figure; without any, those that a run folder has. What the folder holds already is not
    drawn again (`drawn.py`). With `replace` the figures of an earlier collection are removed: the folder is the run's
    own.
    """
    folder.mkdir(exist_ok=True)
    tasks = list(_tasks(judged, named, learning, wording or Wording()))
    there, names = Drawn.of(folder), [file_name(task.name, task.setting) for task in tasks]
    missing = [
        (name, task)
        for name, task in zip(names, tasks, strict=True)
        if not there.holds(name, task.content, formats or task.formats)
    ]
    with styled():
        for count, (name, task) in enumerate(missing):
            if progress is not None:
                progress(count, len(missing))
            figure = task.draw()
            if figure is not None:
                _write(folder / name, figure, formats or task.formats)
            there.note(name, task.content, (formats or task.formats) if figure is not None else ())
    if progress is not None and missing:
        progress(len(missing), len(missing))
    drawn = {
        name: WrittenFigure(folder / name, task.kind, task.caption, task.setting, task.name)
        for name, task in zip(names, tasks, strict=True)
        if not there.is_empty(name)
    }
    written = {f"{name}.{suffix}" for name in drawn for suffix in there.figures[name]["files"]}
    for path in folder.iterdir() if replace else ():
        if path.is_file() and path.name not in (*written, FILE):
            path.unlink()
    there.keep(names)
    return list(drawn.values())


def _tasks(
    judged: Sequence[Judged], named: Sequence[NamedRequest], learning: Sequence[LearningRequest], wording: Wording
) -> Iterator[_Task]:
    for request in named:
        figure = FIGURES[request.name]
        draw = partial(_named, figure.draw, request.jobs)
        content = _content(figure.draw, request.content, request.setting)
        yield _Task(request.name, request.setting, "named", figure.caption, content, draw)
    for curves in learning:
        content = _content(curves_figure, curves.rows, curves.setting)
        draw = partial(curves_figure, curves.rows)
        yield _Task(curves.name, curves.setting, "learning", curves.caption, content, draw)
    settings: dict[str, list[Judged]] = {}
    for judgement, points in judged:
        if not points.empty:
            settings.setdefault(str(judgement.setting), []).append((judgement, points))
            claim, content = judgement.claim, _content(claim_figure, _judged(judgement, points), wording)
            draw = partial(claim_figure, judgement, points, wording)
            yield _Task(claim.id, judgement.setting, "claim", claim.statement, content, draw)
    for together in settings.values():
        content = _content(overview_figure, [_judged(judgement) for judgement, _ in together], wording)
        draw = partial(overview_figure, together, wording)
        yield _Task("overview", together[0][0].setting, "overview", "all claims at a glance", content, draw)


def _named(draw: Callable[[Sequence[FinishedJob]], Figure | None], jobs: Sequence[FinishedJob]) -> Figure | None:
    return draw(with_drawable_arrays(jobs))


def _content(draw: Callable[..., Any], *shown: Any) -> str:
    return digest_of_bytes(repr((code_of(draw), *shown)).encode())


def _judged(judgement: Judgement, points: pd.DataFrame | None = None) -> tuple[Any, ...]:
    """All of a judgement that is drawn."""
    claim, numbers = judgement.claim, "" if points is None else points.to_csv()
    texts = (claim.id, claim.statement, claim.observable, judgement.verdict, dict(judgement.setting))
    return (*texts, judgement.expected, judgement.measured, numbers)


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
