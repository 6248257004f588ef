"""All figures of a run, written to a folder as png, svg and pdf."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from ..claims.claim import Judgement
from ..runs.files import whole
from .order import order_figure
from .overview import overview_figure
from .style import styled
from .value import value_figure

FORMATS = ("png", "svg", "pdf")


def write_figures(folder: Path, judged: Sequence[tuple[Judgement, pd.DataFrame]]) -> None:
    """One figure a claim and setting, named by the claim, and an overview of each setting.

    Figures of an earlier collection are replaced.
    """
    folder.mkdir(exist_ok=True)
    settings: dict[str, list[tuple[Judgement, pd.DataFrame]]] = {}
    written = set()
    with styled():
        for judgement, points in judged:
            if points.empty:
                continue
            settings.setdefault(file_name("overview", judgement.setting), []).append((judgement, points))
            draw = order_figure if judgement.expected.what.startswith("order") else value_figure
            written |= _write(folder, file_name(judgement.claim.id, judgement.setting), draw(judgement, points))
        for name, its in settings.items():
            written |= _write(folder, name, overview_figure(its))
    for path in folder.iterdir():
        if path.is_file() and path.name not in written:
            path.unlink()


def _write(folder: Path, name: str, figure: Figure) -> set[str]:
    figure.draw_without_rendering()  # the layout is found once, not for every format
    figure.set_layout_engine("none")
    for suffix in FORMATS:
        with whole(folder / f"{name}.{suffix}") as beside:
            # Without a date the same records give the same file.
            metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(suffix)
            figure.savefig(beside, format=suffix, metadata=metadata)
    return {f"{name}.{suffix}" for suffix in FORMATS}


def file_name(first: str, setting: Mapping[str, Any]) -> str:
    """`ode.rough` or `ode.rough_activation=relu`, without signs that file systems dislike."""
    words = [first, *(f"{key}={value}" for key, value in setting.items())]
    return "".join(c if c.isalnum() or c in "._=-" else "-" for c in "_".join(words))
