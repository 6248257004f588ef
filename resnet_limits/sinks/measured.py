"""What a job measured, as a sink shows it: `measured/OBSERVABLE`, over the layer, the step, or the depth of the job."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from ..measurement.record import Record
from ..measurement.sink import Sink
from ..settings.base import Settings

MOST_POINTS_SHOWN = 1000
"""Points of one curve; of a longer one every so many are shown, and the last."""

PART_OF_RECORDS = "measured"


def show(sink: Sink, settings: Settings, records: Iterable[Record]) -> None:
    """Show the records of a job.

    A curve over layers or steps has `_by_layer` or `_by_step` after its observable. Coordinates are in a name where an
    observable has several values of them: `measured/forward_error scheme=rk4`.
    """
    records = list(records)
    differing = _differing(records)
    curves: dict[str, dict[int, float]] = defaultdict(dict)
    for r in records:
        axis, x = _axis(r, settings)
        words = [r.observable + axis]
        words += [f"{key}={r.coordinates[key]}" for key in differing[r.observable] if key in r.coordinates]
        curves[" ".join(words)][x] = r.value
    points: dict[int, dict[str, float]] = defaultdict(dict)
    for name, curve in curves.items():
        for x in _thinned(sorted(curve)):
            points[x][name] = curve[x]
    part = sink.part(PART_OF_RECORDS)
    for x in sorted(points):
        part.scalars(x, points[x])


def _axis(record: Record, settings: Settings) -> tuple[str, int]:
    if record.layer is not None:
        return "_by_layer", record.layer
    return ("", settings.depth) if record.step is None else ("_by_step", record.step)


def _differing(records: Sequence[Record]) -> dict[str, list[str]]:
    """The coordinates of each observable that have several values, or that some of its records lack."""
    by_observable: dict[str, list[Record]] = defaultdict(list)
    for r in records:
        by_observable[r.observable].append(r)
    varying = {}
    for observable, alike in by_observable.items():
        keys = dict.fromkeys(key for r in alike for key in r.coordinates)
        varying[observable] = [key for key in keys if len({repr(r.coordinates.get(key)) for r in alike}) > 1]
    return varying


def _thinned(xs: Sequence[int]) -> Sequence[int]:
    every = -(-len(xs) // MOST_POINTS_SHOWN)
    return xs if every <= 1 else sorted({*xs[::every], xs[-1]})
