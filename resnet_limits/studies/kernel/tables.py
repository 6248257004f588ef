"""The two-way tables of the study `kernel`: moments by depth and width, each finite or infinite. Free of torch."""

from __future__ import annotations

from ..two_way import Limits, Table
from .diagram.claims import CORNERS, OF

FINITE, WIDE, SDE, LIMIT = CORNERS

TABLES = tuple(
    Table(
        "corner",
        caption=f"{words[:1].upper()}{words[1:]}",
        where={"of": of, "corner": FINITE},
        limits=Limits(rows={"corner": SDE}, columns={"corner": WIDE}, both={"corner": LIMIT}),
    )
    for of, words in OF.items()
)
