"""Curves of training: by step for each depth, by depth, and by every number swept."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from resnet_limits.claims.coordinate import Coordinate
from resnet_limits.figures.curves import curves_figure
from resnet_limits.figures.style import styled
from resnet_limits.report.learning import learning_figures
from resnet_limits.report.outcome import Reached
from resnet_limits.runs.records import COLUMNS_OF_RECORDS
from resnet_limits.studies.ode.settings import Ode


def collection(*, starts: tuple[str, ...] = ("tied", "iid")) -> Any:
    rows = [
        {
            "depth": depth,
            "seed": seed,
            "observable": name,
            "value": value / (step + 1) + seed,
            "step": step,
            "init": start,
        }
        for depth in (8, 16)
        for seed in (0, 1)
        for name, value in (("train_loss", 20.0 * depth), ("test_accuracy", 0.5))
        for step in range(30)
        for start in starts
    ]
    records = pd.DataFrame(rows).reindex(columns=[*COLUMNS_OF_RECORDS, "init"]).assign(setting="")
    jobs = [SimpleNamespace(settings=Ode(depth=depth)) for depth in (8, 16)]
    return SimpleNamespace(records=records, jobs=jobs, swept=[])


def reached(along: str, depth: int | None, places: dict[float, tuple[float, float | None]], start: str) -> Reached:
    return Reached("train_loss", "training loss", {}, {"init": start}, Coordinate(along), depth, places)


def test_a_curve_for_each_depth_and_a_row_for_each_start_means_over_seeds():
    (request,) = learning_figures(collection(), [])
    assert (request.name, [len(row) for row in request.rows]) == ("training", [2, 2])
    loss, accuracy = request.rows[0]
    assert (loss.up, accuracy.up) == ("training loss", "test accuracy")
    assert [curve.label for curve in loss.curves] == ["L = 8", "L = 16"]
    assert loss.curves[0].y[:2] == (160.5, 80.5)
    assert loss.curves[0].x == tuple(range(30))
    with styled():
        axes = curves_figure(request.rows).axes
    assert [panel.get_title(loc="left") for panel in axes] == ["init=iid", "init=iid", "init=tied", "init=tied"]
    assert (axes[0].get_yscale(), axes[1].get_yscale()) == ("log", "linear")
    np.testing.assert_allclose(np.asarray(axes[0].get_lines()[1].get_ydata(), dtype=float), loss.curves[1].y)


def test_values_by_depth_and_by_a_swept_number_with_their_bars():
    places = {8.0: (0.5, 0.1), 64.0: (0.25, None)}
    by_depth = [reached("depth", None, places, start) for start in ("tied", "iid")]
    by_rate = [reached("train.lr", 64, {0.1: (0.5, 0.1), 0.2: (0.4, 0.1)}, "tied")]
    depths, rates = learning_figures(collection(starts=()), [*by_depth, *by_rate])
    assert (depths.name, rates.name) == ("trained", "trained_by_train.lr")
    assert rates.caption.endswith("by train.lr, at depth 64")
    ((panel,),) = depths.rows
    assert [curve.label for curve in panel.curves] == ["init=tied", "init=iid"]
    with styled():
        (axes,) = curves_figure(depths.rows).axes
        (linear,) = curves_figure(rates.rows).axes
    assert (axes.get_xlabel(), axes.get_xscale()) == ("depth $L$", "log")
    assert (linear.get_xlabel(), linear.get_xscale()) == ("train.lr", "linear")
    line, *_ = axes.get_lines()
    np.testing.assert_allclose(np.asarray(line.get_xydata(), dtype=float), [[8, 0.5], [64, 0.25]])


@pytest.mark.parametrize("places", [{}, {8.0: (0.5, None)}])
def test_one_place_is_no_curve(places: dict[float, tuple[float, float | None]]):
    assert learning_figures(collection(starts=()), [reached("depth", None, places, "tied")] if places else []) == []
