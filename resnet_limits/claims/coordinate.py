"""A coordinate of the records that an order is along: the depth, the width, a number of data, one over a spacing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

DEPTH_COORDINATE = "depth"
SYMBOLS = {DEPTH_COORDINATE: "L", "width": "D"}
"""Of the coordinates that every record has; the others are written as their columns are called."""
INVERSE_PREFIX = "1/"


@dataclass(frozen=True)
class Coordinate:
    """`depth`, `width`, `N`: a column of the records. `1/spacing`: one over the column `spacing`.

    Its words are those of verdicts, tables and figures.
    """

    name: str = DEPTH_COORDINATE

    @property
    def column(self) -> str:
        return self.name.removeprefix(INVERSE_PREFIX)

    @property
    def is_depth(self) -> bool:
        return self.name == DEPTH_COORDINATE

    @property
    def symbol(self) -> str:
        """`L`, `D`, `N`, `1/spacing`."""
        over = INVERSE_PREFIX if self.name.startswith(INVERSE_PREFIX) else ""
        return over + SYMBOLS.get(self.column, self.column)

    @property
    def plural(self) -> str:
        return "depths" if self.is_depth else f"values of {self.symbol}"

    @property
    def first(self) -> str:
        return "shallowest depth" if self.is_depth else "first point"

    @property
    def further(self) -> str:
        return "deeper" if self.is_depth else "larger"

    @property
    def last(self) -> str:
        return "deepest" if self.is_depth else "largest"

    def power(self, exponent: float) -> str:
        """`L^0.5`, `(1/spacing)^1`."""
        base = f"({self.symbol})" if self.name.startswith(INVERSE_PREFIX) else self.symbol
        return f"{base}^{exponent:g}"

    @property
    def words(self) -> str:
        """`depth L`, `width D`, `N`."""
        return self.axis.replace("$", "")

    def at(self, place: float) -> str:
        """`L=16`, `D=128`, `1/spacing=40`."""
        return f"{self.symbol}={shown_place(place)}"

    @property
    def axis(self) -> str:
        """`depth $L$`, `width $D$`, `N`: the name of an axis."""
        return f"{self.column} ${self.symbol}$" if self.column in SYMBOLS and self.column == self.name else self.symbol

    def of(self, records: pd.DataFrame) -> pd.Series:
        """The places of some records, float; nan where a record has none."""
        import pandas as pd

        if self.column not in records:
            return pd.Series(float("nan"), index=records.index)
        column: Any = pd.to_numeric(records[self.column], errors="coerce")
        places: pd.Series = column.astype("float64")
        return 1 / places if self.name.startswith(INVERSE_PREFIX) else places


def shown_place(place: float) -> str:
    """`16`, `0.25`: a whole number without its point."""
    return f"{place:.0f}" if float(place).is_integer() else f"{place:.4g}"
