"""All claims of a setting at a glance: a panel for each group, a line for each of its claims.

    distance = (measured - expected)/tolerance

What a claim allows is shaded: between -1 and 1, of a bound all on its right side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..claims.claim import Judgement, Verdict
from .panels import Judged, Wording, words_of_setting
from .style import COLOURS, INK, SOFT
from .text import lines

COLUMNS = 2
COLUMN, GAP = 4.0, 0.2
"""Inches of a column of panels, and between two."""
ROW, HEIGHT_OF_A_LINE, FRAME = 0.165, 0.15, 0.5
"""Inches of a claim, of a line of a question, and around a panel from top to bottom."""
INCHES_OF_NAMES = 1.8
"""Inches left of a panel, for the names of the claims."""
ACROSS, LETTERS_OF_A_NAME = 60, 32
"""Letters of a line of a question, and of a name."""
FARTHEST = 2.0
"""Tolerances that a panel shows to each side."""
MARKS_OF_VERDICTS: dict[Verdict, tuple[str, str, str]] = {
    "supported": (COLOURS[0], COLOURS[0], "o"),
    "refuted": (COLOURS[1], COLOURS[1], "X"),
    "inconclusive": (SOFT, "white", "o"),
}
"""Colour of the interval, colour inside the mark, and the mark."""


@dataclass(frozen=True)
class Answers:
    """A question in lines, and the claims that answer it."""

    question: Sequence[str]
    judged: Sequence[Judgement]

    @property
    def height(self) -> float:
        return FRAME + HEIGHT_OF_A_LINE * len(self.question) + ROW * len(self.judged)


def overview_figure(judged: Sequence[Judged], wording: Wording | None = None) -> Figure:
    """All claims of one setting, in two columns where there are groups for them."""
    columns = _columns(_answers([judgement for judgement, _ in judged], wording or Wording()))
    head = lines(words_of_setting(judged[0][0]), ACROSS * len(columns))
    top = HEIGHT_OF_A_LINE * (len(head) + 1) if head else 0.05
    wide = COLUMN * len(columns) + GAP * (len(columns) + 1)
    high = top + max(sum(answers.height for answers in column) for column in columns)
    figure = Figure(figsize=(wide, high), layout="none")  # pyright: ignore[reportArgumentType] (its stubs forget it)
    for i, column in enumerate(columns):
        above, left = top, GAP + i * (COLUMN + GAP)
        for answers in column:
            _panel(figure, answers, left=left, above=above)
            above += answers.height
    if head:
        figure.text(GAP / wide, 1 - HEIGHT_OF_A_LINE / 2 / high, "\n".join(head), fontsize=9, va="top", color=INK)
    return figure


def _answers(judged: Sequence[Judgement], wording: Wording) -> list[Answers]:
    by_question: dict[str, list[Judgement]] = {}
    for judgement in judged:
        by_question.setdefault(wording.questions.get(judgement.claim.id, ""), []).append(judgement)
    return [Answers(lines(question, ACROSS), claims) for question, claims in by_question.items()]


def _columns(answers: Sequence[Answers]) -> list[list[Answers]]:
    """The groups in their sequence, in columns of about one height."""
    count = min(COLUMNS, len(answers))
    total, height = sum(of.height for of in answers), 0.0
    columns: list[list[Answers]] = [[] for _ in range(count)]
    for of in answers:
        columns[min(count - 1, int(count * (height + of.height / 2) / total))].append(of)
        height += of.height
    return [column for column in columns if column]


def _panel(figure: Figure, answers: Answers, *, left: float, above: float) -> None:
    wide, high = figure.get_size_inches()
    count, title = len(answers.judged), HEIGHT_OF_A_LINE * len(answers.question)
    bottom = high - above - title - ROW * count - 0.1
    axes = figure.add_axes(
        ((left + INCHES_OF_NAMES) / wide, bottom / high, (COLUMN - INCHES_OF_NAMES) / wide, ROW * count / high)
    )
    x, y = left / wide, (high - above - 0.02) / high
    figure.text(x, y, "\n".join(answers.question), fontsize=8, va="top", color=INK, linespacing=1.25)
    _draw(axes, answers.judged)


def _draw(axes: Axes, judged: Sequence[Judgement]) -> None:
    rows = np.arange(len(judged))
    allowed = np.array([_allowed(judgement) for judgement in judged])
    axes.barh(rows, allowed[:, 1] - allowed[:, 0], left=allowed[:, 0], height=0.86, color=COLOURS[1], alpha=0.14, lw=0)
    axes.axvline(0, color=COLOURS[1], lw=0.8, ls="--")
    for verdict, (colour, inside, mark) in MARKS_OF_VERDICTS.items():
        chosen = [i for i, judgement in enumerate(judged) if judgement.verdict == verdict]
        if not chosen:
            continue
        places = np.array([_places(judged[i]) for i in chosen]).reshape(-1, 3)
        axes.hlines(chosen, places[:, 1], places[:, 2], color=colour, lw=1.4)
        axes.plot(places[:, 0], chosen, ls="", marker=mark, ms=4.2, color=colour, mfc=inside, mew=1, clip_on=False)
    axes.set_xlim(-FARTHEST, FARTHEST)
    axes.set_ylim(len(judged) - 0.4, -0.6)
    axes.set_yticks(rows, [_name(judgement) for judgement in judged], fontsize=7)
    axes.set_xticks([-1, 0, 1], ["−1", "0", "1"], fontsize=6.5, color=SOFT)
    axes.tick_params(length=0, pad=2)
    axes.grid(visible=False)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)


def _name(judgement: Judgement) -> str:
    """The claim's name without that of its study."""
    name = judgement.claim.id.split(".", 1)[-1]
    return name if len(name) <= LETTERS_OF_A_NAME else f"{name[: LETTERS_OF_A_NAME - 1]}…"


def _allowed(judgement: Judgement) -> tuple[float, float]:
    match judgement.expected.what:
        case "at_most":
            return -FARTHEST, 1.0
        case "at_least" | "order_at_least":
            return -1.0, FARTHEST
    return -1.0, 1.0


def _places(judgement: Judgement) -> tuple[float, float, float]:
    """Value and interval, in tolerances from what is expected; nan where there is none. What lies off the panel stands
    at its edge."""
    measured, expected = judgement.measured, judgement.expected
    if measured is None or not expected.tolerance > 0 or not math.isfinite(judgement.expected_value):
        return math.nan, math.nan, math.nan
    ends = np.array([measured.value, measured.low, measured.high])
    value, low, high = np.clip((ends - judgement.expected_value) / expected.tolerance, -FARTHEST, FARTHEST)
    return float(value), float(low), float(high)
