"""Points of claims as tables: depth first, another coordinate in a table of its own, in its own words."""

from __future__ import annotations

import io
from importlib import import_module

from resnet_limits.report.latex import tables_tex
from resnet_limits.report.points import point_tables


def claim(name: str, **along: str) -> dict:
    expected = {"what": "order", "value": 0.5, "tolerance": 0.1, **along}
    measured = {"value": 0.5, "low": 0.45, "high": 0.55, "level": 0.95}
    words = {"statement": "it falls", "why": "inside", "verdict": "supported"}
    return {"id": name, "setting": {}, "expected": expected, "measured": measured, **words}


def row(name: str, depth: int, **columns: object) -> dict:
    numbers = {"value": 0.01, "scaled": 0.4, "stderr": 0.001, "reference_error": None}
    return {"claim": name, "depth": depth, "setting": {}, "observable": "gap", **numbers, **columns}


CLAIMS = [claim("a.depth"), claim("a.width", along="width"), claim("a.data", along="N")]
ROWS = [
    *(row("a.depth", depth) for depth in (8, 16)),
    *(row("a.width", 16, along="width", at=float(width)) for width in (32, 64, 128)),
    *(row("a.data", 16, along="N", at=float(count)) for count in (64, 256)),
]


def test_each_coordinate_has_its_table_and_its_columns():
    tables = point_tables(CLAIMS, ROWS)
    assert [(table.along.name, list(table.places)) for table in tables] == [
        ("depth", [8, 16]),
        ("N", [64, 256]),
        ("width", [32, 64, 128]),
    ]
    assert [[claim["id"] for claim, _ in table.rows] for table in tables] == [["a.depth"], ["a.data"], ["a.width"]]


def test_words_are_those_of_the_coordinate():
    text = tables_tex({"claims": CLAIMS, "table": ROWS}, {})
    for words in ("Observables by depth $L$", "Observables by width $D$", "$D=128$", "$N=256$", "times $D^{0.5}$"):
        assert words in text
    assert "order in D 0.5 $\\pm$ 0.1" in text
    out = io.StringIO()
    display = import_module("reslim_cli.display")
    display.show_summary({"claims": CLAIMS, "table": ROWS}, display.Terminal(file=out, width=100), table=True)
    for words in ("By depth", "By width", "D=64", "By N", "N=64", "times D^0.5", "order in N 0.5 ± 0.1"):
        assert words in out.getvalue()
