"""Tables of one number by two coordinates of the records, as reports show them. Free of torch and pandas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

from ..claims.coordinate import DEPTH_COORDINATE, Coordinate, shown_place

INFINITY_SIGN = "∞"


@dataclass(frozen=True)
class Limits:
    """Where the values at infinity stand: coordinates that differ from those of the table.

    `rows`: of its last row, both coordinates but the second infinite; `columns`: of its last column; `both`: of the
    corner.
    """

    rows: Mapping[str, Any]
    columns: Mapping[str, Any]
    both: Mapping[str, Any]


@dataclass(frozen=True)
class Table:
    """A table that a study declares: its observable by two columns of the records, a coordinate or a swept key each.

    `where` selects the records by their other coordinates, as a claim's does; a cell is the mean over jobs and seeds.
    Where neither column is the depth, the records are those of the deepest, unless `where` names another.
    """

    observable: str
    caption: str
    rows: str = DEPTH_COORDINATE
    columns: str = "width"
    where: Mapping[str, Any] = field(default_factory=dict)
    limits: Limits | None = None

    @property
    def keys(self) -> tuple[str, str]:
        """The columns of the records in which the jobs of one table may differ."""
        return Coordinate(self.rows).column, Coordinate(self.columns).column


@dataclass(frozen=True)
class TwoWay:
    """Heads of the columns, and rows: what stands first, and a cell for each column (empty: None)."""

    caption: str
    corner: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[float | None]]]


def two_way(table: Table, records: Any) -> TwoWay | None:
    """The table of some records (a DataFrame); None where its observable was not recorded."""
    final = _final(table, records)
    if not len(final):
        return None
    down, across = Coordinate(table.rows), Coordinate(table.columns)
    final = final.assign(down=down.of(final), across=across.of(final))
    inside = _where(final, table.where)
    rows, columns = (sorted(set(inside[name].dropna())) for name in ("down", "across"))
    cells = [[_mean(_where(inside, {"down": row, "across": column})) for column in columns] for row in rows]
    heads, names = list(map(shown_place, columns)), list(map(shown_place, rows))
    if table.limits is not None:
        below, beside, corner = (
            _where(final, {**table.where, **where})
            for where in (table.limits.rows, table.limits.columns, table.limits.both)
        )
        cells = [[*line, _mean(_where(beside, {"down": row}))] for line, row in zip(cells, rows, strict=True)]
        cells.append([*(_mean(_where(below, {"across": column})) for column in columns), _mean(corner)])
        heads, names = [*heads, INFINITY_SIGN], [*names, INFINITY_SIGN]
    caption = f"{table.caption}, by {down.words} and {across.words}"
    return TwoWay(caption, f"{down.symbol} \\ {across.symbol}", heads, list(zip(names, cells, strict=True)))


def _final(table: Table, records: Any) -> Any:
    """The records of the observable at the output and at the end, with a number."""
    chosen = (records["observable"] == table.observable) & records["value"].notna()
    for column in ("layer", "step"):
        chosen &= records[column].isna()
    rows = records[chosen]
    if DEPTH_COORDINATE in (*table.keys, *table.where) or not len(rows):
        return rows
    return rows[rows[DEPTH_COORDINATE] == rows[DEPTH_COORDINATE].max()]


def _where(records: Any, where: Mapping[str, Any]) -> Any:
    """The records with these coordinates; none where a coordinate is not there."""
    return reduce(lambda rows, w: rows[rows[w[0]] == w[1]] if w[0] in rows else rows[:0], where.items(), records)


def _mean(records: Any) -> float | None:
    return float(records["value"].mean()) if len(records) else None
