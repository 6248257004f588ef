"""The two-way tables of a study, one for each setting that its other swept keys make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..studies.two_way import TwoWay

if TYPE_CHECKING:
    from ..runs.collection import Collection

POOLED = ("depth", "width", "seed")
"""Keys in which the jobs of one table may differ."""


def two_way_tables(collection: Collection) -> list[tuple[dict[str, object], TwoWay]]:
    """`(setting, table)`."""
    keys = [key for key in collection.swept if key not in POOLED]
    if not keys:
        return [({}, table) for table in collection.study.two_way(collection.records)]
    found: list[tuple[dict[str, object], TwoWay]] = []
    for _, part in collection.records.groupby(keys, dropna=False):
        setting = {key: part[key].iloc[0] for key in keys}
        found += [(setting, table) for table in collection.study.two_way(part)]
    return found
