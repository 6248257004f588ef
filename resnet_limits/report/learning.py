"""What trained networks reached, as curves: by step for each depth, by depth, and by every other number swept."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..claims.words import setting_words
from ..figures.curves import Curve, CurvePanel, missing
from ..figures.write import LearningRequest
from ..runs.collection import Collection
from ..runs.records import COLUMNS_OF_RECORDS, setting_label, setting_of
from .outcome import REACHED, Reached

if TYPE_CHECKING:
    import pandas as pd

FALLING = ("train_loss",)
"""Observables on a logarithmic axis."""


def learning_figures(collection: Collection, reached: Sequence[Reached]) -> list[LearningRequest]:
    """The figures of each setting: `training` by step, `trained` by depth, `trained_by_KEY` by a swept key."""
    return [*_by_step(collection), *_by_place(reached)]


def _by_step(collection: Collection) -> Iterator[LearningRequest]:
    records = collection.records
    stepped = records.loc[records["observable"].isin(list(REACHED)) & records["step"].notna(), :]
    settings = {setting_label(s): s for s in (setting_of(job.settings, collection.swept) for job in collection.jobs)}
    pins = [column for column in records.columns if column not in (*COLUMNS_OF_RECORDS, *collection.swept)]
    for label, setting in settings.items():
        rows = stepped.loc[stepped["setting"] == label, :]
        told_apart = [key for key in pins if rows[key].nunique(dropna=False) > 1]
        panels = [_panels(part, where) for where, part in _parts(rows, told_apart)]
        if panels:
            caption = "training loss and test accuracy by step, for each depth"
            yield LearningRequest("training", setting, caption, panels)


def _parts(rows: pd.DataFrame, keys: Sequence[str]) -> Iterator[tuple[str, pd.DataFrame]]:
    """The rows that agree in the keys that a group pins, with these in words."""
    if not len(rows):
        return
    parts: Any = rows.groupby(list(keys), dropna=False) if keys else [((), rows)]
    for values, part in parts:
        named = zip(keys, values, strict=True)
        yield setting_words({key: value for key, value in named if value == value}), part  # nan is none


def _panels(rows: pd.DataFrame, where: str) -> tuple[CurvePanel, ...]:
    return tuple(
        CurvePanel(where, "step", words, tuple(_curves(part)), is_family=True, falls=name in FALLING)
        for name, words in sorted(REACHED.items(), key=lambda item: item[0] not in FALLING)
        if len(part := rows.loc[rows["observable"] == name, :])
    )


def _curves(rows: pd.DataFrame) -> Iterator[Curve]:
    for depth, of_depth in rows.groupby("depth"):
        mean: Any = of_depth.groupby("step")["value"].mean()  # over seeds
        steps, values = (tuple(float(number) for number in of) for of in (mean.index, mean))
        yield Curve(f"L = {depth}", steps, values, (math.nan,) * len(steps))


def _by_place(reached: Sequence[Reached]) -> Iterator[LearningRequest]:
    by_coordinate: dict[str, list[Reached]] = {}
    for one in reached:
        by_coordinate.setdefault(f"{one.along.name} {one.setting}", []).append(one)
    for together in by_coordinate.values():
        along, setting, depth = together[0].along, together[0].setting, together[0].depth
        if max(len(one.points) for one in together) < 2:
            continue
        at = "" if depth is None else f", at depth {depth}"
        name = "trained" if along.is_depth else f"trained_by_{along.column}"
        caption = f"training loss and test accuracy after training by {along.column}{at}"
        yield LearningRequest(name, setting, caption, [tuple(_panels_of(together))])


def _panels_of(reached: Sequence[Reached]) -> Iterator[CurvePanel]:
    apart = _told_apart([one.where for one in reached])
    for name, words in sorted(REACHED.items(), key=lambda item: item[0] not in FALLING):
        curves = tuple(_curve(one, apart) for one in reached if one.observable == name)
        if curves:
            along = reached[0].along
            yield CurvePanel("", along.axis, words, curves, doubles=_doubles(curves), falls=name in FALLING)


def _told_apart(wheres: Sequence[Mapping[str, Any]]) -> list[str]:
    keys = dict.fromkeys(key for where in wheres for key in where)
    return [key for key in keys if len({str(where.get(key)) for where in wheres}) > 1]


def _curve(one: Reached, apart: Sequence[str]) -> Curve:
    label = setting_words({key: one.where[key] for key in apart if key in one.where}) or "mean over networks"
    values, errors = zip(*one.points.values(), strict=True)
    return Curve(label, tuple(one.points), tuple(values), tuple(missing(error) for error in errors))


def _doubles(curves: Sequence[Curve]) -> bool:
    """Whether the places are positive and far apart: they stand on a logarithmic axis then."""
    places = [place for curve in curves for place in curve.x]
    return min(places) > 0 and max(places) >= 4 * min(places)
