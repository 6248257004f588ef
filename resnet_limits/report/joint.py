"""The two-way tables of a study, one for each setting that its other swept keys make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..studies.two_way import Table, TwoWay, two_way

if TYPE_CHECKING:
    from ..runs.collection import Collection

Setting = dict[str, object]


def two_way_tables(collection: Collection) -> list[tuple[Setting, TwoWay]]:
    """`(setting, table)`, setting by setting."""
    grids = [grid for table in collection.study.two_way for grid in _of(table, collection)]
    settings = [setting for setting, _ in grids]
    return sorted(grids, key=lambda grid: settings.index(grid[0]))


def _of(table: Table, collection: Collection) -> list[tuple[Setting, TwoWay]]:
    """The table of each setting of the keys that it is not over."""
    records, keys = collection.records, [key for key in collection.swept if key not in table.keys]
    parts = [part for _, part in records.groupby(keys, dropna=False)] if keys else [records]
    made = (({key: part[key].iloc[0] for key in keys}, two_way(table, part)) for part in parts)
    return [(setting, grid) for setting, grid in made if grid is not None]
