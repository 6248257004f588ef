"""Tables over two coordinates, whichever they are: means over jobs and seeds, infinite ends, the deepest depth."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from resnet_limits.report.joint import two_way_tables
from resnet_limits.runs.collection import Collection
from resnet_limits.studies import study as studies
from resnet_limits.studies.two_way import Limits, Table, two_way


def rows(*entries: dict[str, Any]) -> pd.DataFrame:
    every = {"observable": "gap", "depth": 8, "width": 4, "seed": 0, "layer": math.nan, "step": math.nan}
    return pd.DataFrame([{**every, **row} for row in entries])


def test_a_cell_is_the_mean_over_seeds_and_an_empty_one_stays_empty():
    records = rows(
        {"depth": 8, "width": 4, "value": 1.0},
        {"depth": 8, "width": 4, "value": 3.0, "seed": 1},
        {"depth": 16, "width": 8, "value": 5.0},
        {"depth": 16, "width": 8, "value": 99.0, "step": 3},
        {"depth": 16, "width": 8, "value": 99.0, "observable": "other"},
    )
    table = two_way(Table("gap", "The gap"), records)
    assert table is not None
    assert table.caption == "The gap, by depth L and width D"
    assert (table.corner, list(table.columns)) == ("L \\ D", ["4", "8"])
    assert [(name, list(cells)) for name, cells in table.rows] == [("8", [2.0, None]), ("16", [None, 5.0])]


def test_any_two_columns_make_a_table_of_the_deepest_depth():
    records = rows(
        *({"depth": depth, "init.hurst": h, "beta": b, "value": depth + h + b} for depth in (8, 16) for h in (0.25, 0.5)
          for b in (0.5, 1))
    )  # fmt: skip
    table = two_way(Table("gap", "The gap", rows="beta", columns="init.hurst"), records)
    assert table is not None
    assert table.corner == "beta \\ init.hurst"
    assert list(table.columns) == ["0.25", "0.5"]
    assert [(name, list(cells)) for name, cells in table.rows] == [("0.5", [16.75, 17.0]), ("1", [17.25, 17.5])]
    shallow = two_way(Table("gap", "The gap", rows="beta", columns="init.hurst", where={"depth": 8}), records)
    assert shallow is not None
    assert shallow.rows[0][1][0] == 8.75


def test_infinite_rows_and_columns_stand_last():
    records = rows(
        {"width": 4, "value": 1.0, "corner": "finite"},
        {"width": 4, "value": 2.0, "corner": "deep"},
        {"value": 3.0, "corner": "wide"},
        {"value": 4.0, "corner": "both"},
    )
    limits = Limits(rows={"corner": "deep"}, columns={"corner": "wide"}, both={"corner": "both"})
    table = two_way(Table("gap", "The gap", where={"corner": "finite"}, limits=limits), records)
    assert table is not None
    assert list(table.columns) == ["4", "∞"]
    assert [(name, list(cells)) for name, cells in table.rows] == [("8", [1.0, 3.0]), ("∞", [2.0, 4.0])]


def test_what_was_not_recorded_makes_no_table():
    assert two_way(Table("gap", "The gap"), rows({"observable": "other", "value": 1.0})) is None


@pytest.mark.parametrize(("swept", "tables"), [(["width"], 1), (["width", "activation"], 2)])
def test_other_swept_keys_make_a_table_each(swept: list[str], tables: int):
    records = rows(
        *({"width": width, "activation": phi, "value": width} for width in (4, 8) for phi in ("relu", "tanh"))
    )
    study = replace(studies.get("kernel"), two_way=(Table("gap", "The gap"), Table("gap", "Again")))
    made = two_way_tables(Collection(study, [], swept, records, []))
    assert [table.caption.split(",")[0] for _, table in made] == ["The gap", "Again"] * tables
    settings = [setting for setting, _ in made]
    assert settings == [{}] * 2 if tables == 1 else [{"activation": phi} for phi in ("relu", "relu", "tanh", "tanh")]
