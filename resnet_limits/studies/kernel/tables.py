"""The two-way table of the study `kernel`: moments by depth and width, each finite or infinite. Free of torch."""

from __future__ import annotations

from typing import Any

from ..two_way import TwoWay
from .diagram.claims import CORNERS, OF

FINITE, WIDE, SDE, LIMIT = CORNERS
INFINITE = "∞"


def two_way(records: Any) -> list[TwoWay]:
    """Of the records (a DataFrame) of one setting, all widths together; none without corners."""
    if not (records["observable"] == "corner").any():
        return []
    its = records[records["observable"] == "corner"]
    widths = sorted({int(width) for width in its.loc[its["corner"] == FINITE, "width"]})
    return [_of(its[its["of"] == of], words, widths) for of, words in OF.items()]


def _of(its: Any, words: str, widths: list[int]) -> TwoWay:
    rows = []
    for depth in sorted(set(its["depth"])):
        here = its[its["depth"] == depth]
        rows.append((str(int(depth)), _cells(here, FINITE, WIDE, widths)))
    rows.append((INFINITE, _cells(its, SDE, LIMIT, widths)))
    heads = [*map(str, widths), INFINITE]
    return TwoWay(f"{words[:1].upper()}{words[1:]}, by depth L and width D", "L \\ D", heads, rows)


def _cells(its: Any, finite: str, wide: str, widths: list[int]) -> list[float | None]:
    """Means over jobs and seeds by width, the infinite one last."""
    found = its[its["corner"] == finite].groupby("width")["value"].mean()
    end = its.loc[its["corner"] == wide, "value"]
    return [*(float(found[w]) if w in found.index else None for w in widths), float(end.mean()) if len(end) else None]
