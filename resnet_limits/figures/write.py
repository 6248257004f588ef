"""All figures of a run, written to a folder as png, svg and pdf."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ..claims.claim import Judgement
from ..runs.files import whole
from .order import order_figure
from .style import styled
from .value import value_figure

FORMATS = ("png", "svg", "pdf")


def write_figures(folder: Path, judged: Sequence[tuple[Judgement, pd.DataFrame]]) -> None:
    """One figure a claim and setting, named by the claim; figures of an earlier collection are replaced."""
    folder.mkdir(exist_ok=True)
    written = set()
    with styled():
        for judgement, points in judged:
            if points.empty:
                continue
            draw = order_figure if judgement.expected.what.startswith("order") else value_figure
            figure = draw(judgement, points)
            for suffix in FORMATS:
                name = f"{file_name(judgement)}.{suffix}"
                with whole(folder / name) as beside:
                    # Without a date the same records give the same file.
                    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(suffix)
                    figure.savefig(beside, format=suffix, metadata=metadata)
                written.add(name)
    for path in folder.iterdir():
        if path.is_file() and path.name not in written:
            path.unlink()


def file_name(judgement: Judgement) -> str:
    """`ode.forward.euler` or `ode.forward.euler_activation=relu`, without signs that file systems dislike."""
    words = [judgement.claim.id, *(f"{key}={value}" for key, value in judgement.setting.items())]
    return "".join(c if c.isalnum() or c in "._=-" else "-" for c in "_".join(words))
