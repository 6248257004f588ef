"""A table of one number by depth and another key, as reports show it. Free of torch and pandas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class TwoWay:
    """Heads of the columns, and rows: what stands first, and a cell for each column (empty: None)."""

    caption: str
    corner: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[float | None]]]
