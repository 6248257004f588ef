"""`report.html`: one file that opens offline. No scripts and nothing from outside; the browser is told to load nothing.

Every text is escaped (jinja2's autoescape); the only markup that is let through is the formulas of `words.py` and
the drawings, both made here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from ..claims.claim import ORDER_RULES
from ..claims.words import VERDICTS, expectation, interval, setting_words, unit, with_digits_of_constant, words_of_pins
from ..papers import Paper
from ..runs.job_folder import JobFolder
from ..studies.two_way import TwoWay
from . import words
from .facts import KeyValues, RunFacts
from .outcome import by_group
from .points import by_setting, point_tables


@dataclass(frozen=True)
class Picture:
    """A figure of the page: its name (of the files beside), caption, setting, kind, and the drawing."""

    name: str
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
    counts = Counter(claim["verdict"] for claim in summary["claims"])
    return environment.get_template("page.html").render(
        contents=contents,
        summary=summary,
        parts=[
            (setting, by_group(summary, claims), point_tables(claims, rows))
            for setting, claims, rows in by_setting(summary)
        ],
        verdicts={verdict: counts[verdict] for verdict in VERDICTS if counts[verdict]},
        strip=strip,
        orders=ORDER_RULES,
    )


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


_IDS = re.compile(r'(\bid="|url\(#|href="#)')


def drawing(svg: Path, prefix: str, label: str) -> Markup:
    """An SVG file as an element of the page: without prologue, metadata, comments and outside names.

    Names inside get a prefix, because those of one file would otherwise meet those of the next.
    """
    text = svg.read_text(encoding="utf-8")
    text = text[text.index("<svg") :]
    for unwanted in (r"<metadata>.*?</metadata>", r"<!--.*?-->", r"<style[^>]*>.*?</style>"):
        text = re.sub(unwanted, "", text, flags=re.DOTALL)
    text = text.replace("xlink:href=", "href=")
    head, rest = text.split(">", 1)
    box = re.search(r'viewBox="[\d. -]+"', head)
    opening = f'<svg {box.group() if box else ""} role="img" aria-label="{escape(label)}">'
    body = re.sub(r"\n\s+", "\n", _IDS.sub(rf"\g<1>{prefix}", rest))
    return Markup(opening + body.strip())
