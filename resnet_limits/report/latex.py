"""`tables.tex`: the tables by depth or another coordinate, the claims; for `\\input` in a paper that uses booktabs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..claims.claim import ORDER_RULES
from ..claims.words import expectation, interval, setting_words, unit, words_of_pins
from ..studies.two_way import TwoWay
from .points import PointTable, by_setting, point_tables
from .words import formula_latex, latex, number_latex

MOST_COLUMNS = 9
"""Columns that fit across a page; of more depths the deepest are shown."""

WIDTH_OF_PINS = r"0.2\linewidth"
"""Width of the column of pinned keys, whose lines are broken."""

VERDICTS_IN_LATEX = {"supported": "supported", "refuted": r"\textbf{refuted}", "inconclusive": r"\emph{inconclusive}"}


def tables_tex(
    summary: Mapping[str, Any],
    citations: Mapping[str, str],
    joint: Sequence[tuple[Mapping[str, Any], TwoWay]] = (),
) -> str:
    """Both tables of each setting, and the two-way ones. `citations` maps a claim's id to the BibTeX key of its
    paper."""
    lines = [
        "% Tables of reslim. In the preamble: \\usepackage[T1]{fontenc}, \\usepackage{booktabs};",
        "% the citations are those of papers.bib.",
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
    yield from _begin(
        "Claims, what they expect and what was measured, with 95\\,\\% intervals", setting, f"lp{{{WIDTH_OF_PINS}}}llll"
    )
    yield r"Claim & Pinned & Expected & Unit & Measured & Verdict \\"
    yield r"\midrule"
    for claim in claims:
        cite = f"~\\cite{{{citations[claim['id']]}}}" if claim["id"] in citations else ""
        measured = "---" if claim["measured"] is None else latex(interval(claim["measured"]))
        expected = latex(expectation(claim["expected"]).replace(" - ", " − "))
        named = f"{latex(claim['id'])}{cite} & {latex(words_of_pins(claim.get('pins', {})))}"
        yield f"{named} & {expected} & {latex(unit(claim['expected']))} & {measured} &"
        f" {VERDICTS_IN_LATEX[claim['verdict']]}"
        " \\\\"
        yield f"% {_comment(claim['statement'])}"
    yield from _end()


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
    of = f" ({latex(setting_words(setting))})" if setting else ""
    yield r"\begin{table}"
    yield r"\centering\small"
    yield f"\\caption{{{caption}{of}.}}"
    yield f"\\begin{{tabular}}{{{columns}}}"
    yield r"\toprule"


def _end() -> Iterator[str]:
    yield r"\bottomrule"
    yield r"\end{tabular}"
    yield r"\end{table}"


def _scaled(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return ""
    return f"${value:.4f}$" if 0.01 <= abs(value) < 100 else number_latex(value)


def _comment(text: str) -> str:
    """One line: a line break would end the comment."""
    return " ".join(text.split())
