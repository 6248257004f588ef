"""The points of the claims as tables: a table a setting and coordinate, depth first. Free of pandas and torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..claims.coordinate import DEPTH_COORDINATE, Coordinate

Row = Mapping[str, Any]
"""A row of `table` in `summary.json`."""


@dataclass(frozen=True)
class PointTable:
    """Values by one coordinate, a column a place; `rows` are `(claim, {place: row})` of the claims that have any."""

    along: Coordinate
    places: Sequence[float]
    rows: Sequence[tuple[Mapping[str, Any], Mapping[float, Row]]]


def point_tables(claims: Sequence[Mapping[str, Any]], rows: Sequence[Row]) -> list[PointTable]:
    """Of the claims and rows of one setting; none where nothing was recorded."""
    names = sorted(
        {row.get("along", DEPTH_COORDINATE) for row in rows}, key=lambda name: (name != DEPTH_COORDINATE, name)
    )
    return [_along(name, claims, [row for row in rows if row.get("along", DEPTH_COORDINATE) == name]) for name in names]


def _along(name: str, claims: Sequence[Mapping[str, Any]], rows: Sequence[Row]) -> PointTable:
    by_claim = [(claim, {_place(row): row for row in rows if row["claim"] == claim["id"]}) for claim in claims]
    return PointTable(
        Coordinate(name),
        sorted({_place(row) for row in rows}),
        [claim_and_points for claim_and_points in by_claim if claim_and_points[1]],
    )


def _place(row: Row) -> float:
    return row.get("at", row["depth"])


Part = tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]


def by_setting(summary: Mapping[str, Any]) -> Iterator[Part]:
    """`(setting, its claims, its rows of the table)`, in the summary's sequence."""
    settings: list[dict[str, Any]] = []
    for claim in summary["claims"]:
        if claim["setting"] not in settings:
            settings.append(claim["setting"])
    for setting in settings:
        yield (
            setting,
            [claim for claim in summary["claims"] if claim["setting"] == setting],
            [row for row in summary["table"] if row["setting"] == setting],
        )
