"""The two-way tables of the study `kernel`: moments by depth and width, each finite or infinite. Free of torch."""

from __future__ import annotations

from ..two_way import Limits, Table
from .diagram.claims import CORNER_FINITE, CORNER_LIMIT, CORNER_SDE, CORNER_WIDE, WORDS_OF_CORNER_MOMENTS

TABLES = tuple(
    Table(
        "corner",
        caption=f"{words[:1].upper()}{words[1:]}",
        where={"of": of, "corner": CORNER_FINITE},
        limits=Limits(rows={"corner": CORNER_SDE}, columns={"corner": CORNER_WIDE}, both={"corner": CORNER_LIMIT}),
    )
    for of, words in WORDS_OF_CORNER_MOMENTS.items()
)
