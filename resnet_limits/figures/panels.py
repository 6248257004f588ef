"""A judged claim as a figure: its statement, its name and verdict, and what was measured beside what was expected.

The margins are fixed, as wide as the widest labels of claims: to look for the narrowest takes longer than to draw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..claims.claim import Judgement
from ..claims.coordinate import Coordinate
from .order import draw_order
from .style import INK, SOFT
from .text import lines, quantity, typeset
from .value import draw_value

WIDTH, HEIGHT = 4.4, 2.7
"""Inches of a figure of one claim without its statement."""
MARGIN_LEFT, MARGIN_RIGHT, MARGIN_BELOW, MARGIN_ABOVE = 1.0, 0.14, 0.5, 0.36
"""Inches around the panel; above it stand name and verdict."""
LINE_HEIGHT, EDGE, LETTERS_A_LINE = 0.165, 0.1, 58
"""Inches that a line of the statement takes, and those to the edge; the letters that fit into one line."""
LETTERS_UP = 34
"""Letters that fit along the vertical axis."""

Judged = tuple[Judgement, pd.DataFrame]


@dataclass(frozen=True)
class Wording:
    """What a study says of its claims: the question that each answers, by its id, and what its observables are."""

    questions: Mapping[str, str] = field(default_factory=dict)
    observables: Mapping[str, str] = field(default_factory=dict)


def claim_figure(judgement: Judgement, points: pd.DataFrame, wording: Wording | None = None) -> Figure:
    """One claim below its statement, with a legend of all that is drawn."""
    statement = lines(judgement.claim.statement, LETTERS_A_LINE) + lines(words_of_setting(judgement), LETTERS_A_LINE)
    figure, axes = _panel(statement)
    is_order = judgement.expected.is_order
    (draw_order if is_order else draw_value)(axes, judgement, points)
    axes.set_title(f"{judgement.claim.id}: {judgement.verdict}", loc="left", y=1, fontsize=8, color=SOFT)
    axes.set_xlabel(Coordinate(judgement.expected.along).axis)
    axes.set_ylabel(_axis(judgement, wording or Wording()), fontsize=8, linespacing=1.3)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8, loc="upper left" if _rises(points) and is_order else "upper right")
    return figure


def _panel(statement: Sequence[str]) -> tuple[Figure, Axes]:
    """A figure with one panel below some lines, which begin where the figure does."""
    top = EDGE + LINE_HEIGHT * len(statement)
    high = HEIGHT + top
    figure = Figure(figsize=(WIDTH, high), layout="none")  # pyright: ignore[reportArgumentType] (its stubs forget it)
    axes = figure.add_axes(
        (
            MARGIN_LEFT / WIDTH,
            MARGIN_BELOW / high,
            1 - (MARGIN_LEFT + MARGIN_RIGHT) / WIDTH,
            1 - (MARGIN_BELOW + MARGIN_ABOVE + top) / high,
        ),
    )
    if statement:
        figure.text(EDGE / WIDTH, 1 - EDGE / high, "\n".join(statement), fontsize=9, va="top", color=INK)
    return figure, axes


def _axis(judgement: Judgement, wording: Wording) -> str:
    """What was measured, in words and formulas, and what it is given in."""
    observable = judgement.claim.observable
    scale = f" ({judgement.expected.scale})" if judgement.expected.scale else ""
    words = quantity(observable, wording.observables.get(observable, ""))
    broken = lines(words + scale, LETTERS_UP)
    return "\n".join(broken) if len(broken) <= 3 else typeset(observable.replace("_", " ") + scale)


def _rises(points: pd.DataFrame) -> bool:
    """Whether the last value with a number lies above the first."""
    values = points.loc[points["value"].notna(), "value"].to_numpy(dtype=float)
    return len(values) > 1 and bool(values[-1] > values[0])


def words_of_setting(judgement: Judgement) -> str:
    """The setting of a claim, where there are several."""
    return ", ".join(f"{key}={value}" for key, value in judgement.setting.items())
