"""The plateaus of distances as records, judged by `|d_inf|` (`claims/plateau.py`). Free of torch."""

from __future__ import annotations

from collections.abc import Mapping

from ..claims.plateau import FEWEST_DEPTHS, Entries, doubling, extrapolated, size_over_times
from ..measurement.record import Comparison, Record


def plateau(
    name: str, distances: Mapping[int, Entries], reference_error: float, coordinates: Mapping[str, object]
) -> list[Comparison]:
    """`|d_inf|` of what networks are off by, by depth, as the observable `name` at the deepest depth; empty where there
    are not four depths L, 2L, 4L, 8L."""
    depths = doubling(list(distances))
    if len(depths) < FEWEST_DEPTHS:
        return []
    left, error = extrapolated([distances[depth] for depth in depths])
    record = Record(name, size_over_times(left), reference_error=error + reference_error, coordinates=coordinates)
    return [Comparison(depths[-1], record)]
