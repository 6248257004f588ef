"""`report.html`: one file that opens offline. No scripts and nothing from outside; the browser is told to load nothing.

Every text is escaped (jinja2's autoescape); the only markup that is let through is the formulas of `words.py` and
the drawings, both made here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jinja2
from markupsafe import Markup, escape

from ..claims.claim import ORDER_RULES
from ..claims.coordinate import Coordinate
from ..claims.words import VERDICTS, expectation, interval, setting_words, unit, with_digits_of_constant, words_of_pins
from ..papers import Paper
from ..runs.job_folder import JobFolder
from ..studies.two_way import TwoWay
from . import words
from .facts import KeyValues, RunFacts
from .outcome import Answered, Outcome, Reached, by_group, outcome
from .points import PointTable, Row, by_setting, point_tables


@dataclass(frozen=True)
class Picture:
    """A figure of the page: its name (of the files beside), what it shows (the id of a claim), caption, setting, kind,
    and the drawing."""

    name: str
    shows: str
    kind: str
    caption: str
    setting: Mapping[str, Any]
    drawing: Markup


@dataclass(frozen=True)
class Contents:
    """Everything that a page shows."""

    question: str
    title: str
    equation: str
    summary: Mapping[str, Any]
    runs: Sequence[RunFacts]
    settings: Sequence[KeyValues]
    jobs: Sequence[JobFolder]
    repeated: Mapping[str, int]
    left_out: Mapping[str, str]
    other_data: str
    """That jobs which ask for the same were done on different data, and which; empty where they were not."""
    pictures: Sequence[Picture]
    tables: Sequence[tuple[Mapping[str, Any], TwoWay]]
    papers: Sequence[Paper]
    made: str
    """When and by which version the page was made."""


def page(contents: Contents) -> str:
    """The page as HTML."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("resnet_limits.report", package_path=""),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "formula": words.formula_html,
        "expectation": lambda expected: expectation(expected).replace(" - ", " − "),
        "pinned": words_of_pins,
        "unit": unit,
        "interval": lambda measured: interval(measured).replace("-", "−"),
        "power": power_of_ten_in_html,
        "scaled": lambda value: (
            escape(with_digits_of_constant(value))
            if value is None or 0.01 <= value < 100
            else power_of_ten_in_html(value)
        ),
        "setting": setting_words,
    }
    summary = contents.summary
    said = outcome(summary)
    counts = Counter(claim["verdict"] for claim in summary["claims"])
    return environment.get_template("page.html").render(
        contents=contents,
        summary=summary,
        said=said,
        reached=list(_reached(said)),
        parts=[
            (setting, list(_shown(summary, claims, rows, contents.pictures)))
            for setting, claims, rows in by_setting(summary)
        ],
        verdicts={verdict: counts[verdict] for verdict in VERDICTS if counts[verdict]},
        strip=strip,
        orders=ORDER_RULES,
    )


def _reached(said: Outcome) -> Iterator[tuple[Coordinate, list[float], list[Reached]]]:
    """What trained networks reached by depth, then by each swept key: the coordinate, its places, a row a curve."""
    for along in dict.fromkeys(row.along for row in said.reached):
        rows = [row for row in said.reached if row.along == along]
        yield along, sorted({place for row in rows for place in row.points}), rows


@dataclass(frozen=True)
class GroupOnPage:
    """A group at one setting as the page has it: the question with its claims, their figures, and their values by
    depth. It is open where a claim is not supported, or where it is the only one."""

    answered: Answered
    pictures: Sequence[Picture]
    tables: Sequence[PointTable]
    is_open: bool


def _shown(
    summary: Mapping[str, Any], claims: Sequence[Mapping[str, Any]], rows: Sequence[Row], pictures: Sequence[Picture]
) -> Iterator[GroupOnPage]:
    groups = by_group(summary, claims)
    for group in groups:
        ids = {claim["id"] for claim in group.claims}
        settings = [claim["setting"] for claim in group.claims]
        of_group = [picture for picture in pictures if picture.shows in ids and picture.setting in settings]
        rows_of_group = [row for row in rows if row["claim"] in ids]
        is_open = len(groups) == 1 or any(claim["verdict"] != "supported" for claim in group.claims)
        yield GroupOnPage(group, of_group, point_tables(group.claims, rows_of_group), is_open)


def power_of_ten_in_html(value: float | None) -> Markup:
    """`1.2·10⁻³` with a superscript; `0.12` and `3.4` as they are."""
    if value is None:
        return Markup("")
    if value == 0 or 0.01 <= abs(value) < 100:
        return Markup("{}").format(f"{value:#.3g}".replace("-", "−"))
    mantissa, exponent = f"{value:.1e}".split("e")
    return Markup("{}&thinsp;·&thinsp;10<sup>{}</sup>").format(
        mantissa.replace("-", "−"), str(int(exponent)).replace("-", "−")
    )


@dataclass(frozen=True)
class Strip:
    """A claim as a strip: the allowed range, the expected value and the measured interval, in 0..100."""

    allowed: tuple[float, float]
    expected: float
    interval: tuple[float, float]
    value: float
    beyond: str
    """`left` or `right` where the measured value lies off the strip."""


def strip(claim: Mapping[str, Any]) -> Strip | None:
    """Twice the tolerance to both sides of the expected value; None where there is nothing to draw."""
    expected, measured = claim["expected"], claim["measured"]
    if measured is None or expected["value"] is None or not expected["tolerance"] > 0:
        return None
    if measured["low"] is None or measured["high"] is None:
        return None

    def at(value: float) -> float:
        return min(100.0, max(0.0, 50 + 25 * (value - expected["value"]) / expected["tolerance"]))

    where = 50 + 25 * (measured["value"] - expected["value"]) / expected["tolerance"]
    least = 0.0 if expected["what"] == "at_most" else 25.0
    most = 100.0 if expected["what"] in ("order_at_least", "at_least") else 75.0
    return Strip(
        (least, most),
        50.0,
        (at(measured["low"]), at(measured["high"])),
        at(measured["value"]),
        "left" if where < 0 else "right" if where > 100 else "",
    )
