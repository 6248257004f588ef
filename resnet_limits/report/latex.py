"""`tables.tex`: claims with their statements, and tables by depth or another coordinate; for `\\input` in a paper."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..claims.claim import ORDER_RULES
from ..claims.words import expectation, interval, setting_words, unit, words_of_pins
from ..studies.two_way import TwoWay
from .points import PointTable, by_setting, point_tables
from .words import formula_latex, latex, number_latex

MOST_COLUMNS = 9
"""Columns that fit across a page; of more depths the deepest are shown."""

WIDTHS = (0.14, 0.27, 0.11, 0.11, 0.08, 0.12)
"""Of the columns of claims whose lines are broken, as shares of a line; the verdict is as wide as it is."""
HEADS = ("Claim", "Statement", "Pinned", "Expected", "Unit", "Measured", "Verdict")

VERDICTS_IN_LATEX = {"supported": "supported", "refuted": r"\textbf{refuted}", "inconclusive": r"\emph{inconclusive}"}


def tables_tex(
    summary: Mapping[str, Any],
    citations: Mapping[str, str],
    joint: Sequence[tuple[Mapping[str, Any], TwoWay]] = (),
) -> str:
    """Both tables of each setting, and the two-way ones. `citations` maps a claim's id to the BibTeX key of its
    paper."""
    lines = [
        "% Tables of reslim. In the preamble: \\usepackage[T1]{fontenc}",
        "% and \\usepackage{amsmath,array,booktabs,longtable}; the citations are those of papers.bib.",
    ]
    for setting, claims, rows in by_setting(summary):
        lines += ["", *_claims(setting, claims, citations)]
        for points in point_tables(claims, rows):
            lines += ["", *_points(setting, points)]
    for setting, table in joint:
        lines += ["", *_two_way(setting, table)]
    return "\n".join(lines) + "\n"


def _claims(
    setting: Mapping[str, Any], claims: Sequence[Mapping[str, Any]], citations: Mapping[str, str]
) -> Iterator[str]:
    """A table of as many pages as it needs, with its heads on each."""
    broken = "".join(f">{{\\raggedright\\arraybackslash}}p{{{width}\\linewidth}}" for width in WIDTHS)
    heads = " & ".join(HEADS) + r" \\"
    yield r"{\footnotesize\setlength{\tabcolsep}{3pt}"
    yield f"\\begin{{longtable}}{{{broken}l}}"
    yield f"\\caption{{Claims, what they expect and what was measured, with 95\\,\\% intervals{_of(setting)}.}}\\\\"
    yield from (r"\toprule", heads, r"\midrule", r"\endfirsthead")
    yield from (r"\toprule", heads, r"\midrule", r"\endhead", r"\bottomrule", r"\endfoot")
    for claim in claims:
        cite = f" \\cite{{{citations[claim['id']]}}}" if claim["id"] in citations else ""
        cells = (
            _breakable(claim["id"]) + cite,
            formula_latex(claim["statement"]),
            _breakable(words_of_pins(claim.get("pins", {}))),
            latex(expectation(claim["expected"]).replace(" - ", " − ")),
            latex(unit(claim["expected"])),
            "---" if claim["measured"] is None else latex(interval(claim["measured"])),
            VERDICTS_IN_LATEX[claim["verdict"]],
        )
        yield " & ".join(cells) + r" \\"
    yield from (r"\end{longtable}", "}")


def _breakable(text: str) -> str:
    """A name for LaTeX, which may be broken behind its points and strokes."""
    return re.sub(r"(\.|=|\\_)(?=\w)", r"\1\\allowbreak{}", latex(text))


def _points(setting: Mapping[str, Any], table: PointTable) -> Iterator[str]:
    along, shown = table.along, table.places[-MOST_COLUMNS:]
    if shown != table.places:
        yield f"% the {along.last} {len(shown)} of {len(table.places)} {along.plural}; all stand in records.csv"
    yield from _begin(f"Observables by {along.axis}", setting, "l" + "r" * len(shown))
    yield "Claim & " + " & ".join(f"${along.at(place)}$" for place in shown) + r" \\"
    yield r"\midrule"
    for claim, cells_by_place in table.rows:
        cells = [number_latex(cells_by_place.get(place, {}).get("value")) for place in shown]
        yield f"{latex(claim['id'])} & {' & '.join(cells)} \\\\"
        if claim["expected"]["what"] in ORDER_RULES and claim["expected"]["value"] is not None:
            scaled = [_scaled(cells_by_place.get(place, {}).get("scaled")) for place in shown]
            power = formula_latex(along.power(claim["expected"]["value"]))
            yield f"\\quad times {power} & {' & '.join(scaled)} \\\\"
    yield from _end()


def _two_way(setting: Mapping[str, Any], table: TwoWay) -> Iterator[str]:
    yield from _begin(latex(table.caption), setting, "r" * (1 + len(table.columns)))
    yield " & ".join(latex(head).replace("∞", r"$\infty$") for head in (table.corner, *table.columns)) + r" \\"
    yield r"\midrule"
    for name, cells in table.rows:
        row = [latex(name).replace("∞", r"$\infty$"), *("" if cell is None else f"${cell:.4g}$" for cell in cells)]
        yield " & ".join(row) + r" \\"
    yield from _end()


def _begin(caption: str, setting: Mapping[str, Any], columns: str) -> Iterator[str]:
    yield r"\begin{table}"
    yield r"\centering\small"
    yield f"\\caption{{{caption}{_of(setting)}.}}"
    yield f"\\begin{{tabular}}{{{columns}}}"
    yield r"\toprule"


def _of(setting: Mapping[str, Any]) -> str:
    return f" ({latex(setting_words(setting))})" if setting else ""


def _end() -> Iterator[str]:
    yield r"\bottomrule"
    yield r"\end{tabular}"
    yield r"\end{table}"


def _scaled(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return ""
    return f"${value:.4f}$" if 0.01 <= abs(value) < 100 else number_latex(value)
