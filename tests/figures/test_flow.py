"""The figures of the study `flow`, from arrays as jobs keep them."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.collections import LineCollection

from resnet_limits.figures.style import styled
from resnet_limits.measurement.job import FinishedJob
from resnet_limits.settings.registry import FIGURES
from resnet_limits.studies.flow.settings import Flow
from resnet_limits.studies.flow.trained.claims import COLUMNS_OF_TRAINED, CONTROLS_SHOWN, KINDS_OF_WEIGHTS

SIDE, LAYERS = 9, 5


def plane(*, folds: bool) -> dict[str, np.ndarray]:
    side = np.linspace(-1, 1, SIDE)
    grid = np.stack(np.meshgrid(side, side), axis=-1)
    growth = np.linspace(1, 2, LAYERS)
    folded = np.zeros((LAYERS, SIDE, SIDE))
    if folds:
        folded[2:, :, :4] = 1
    return {
        "nodes": growth[:, None, None, None] * grid,
        "points": growth[:, None, None] * grid[::4, ::4].reshape(-1, 2),
        "folded": folded,
        "determinant": np.where(folded[-1] > 0, -1.0, 2.0),
    }


def job(*rows: str, blown_up: bool = False) -> FinishedJob:
    arrays = {"trained.layers": np.array([0, 2, 4, 6, 8]), "trained.labels": np.arange(9) % 2}
    for row in rows:
        arrays_of_row = plane(folds=row.startswith("none"))
        if blown_up:
            arrays_of_row["nodes"][-1], arrays_of_row["determinant"][0] = np.inf, np.nan
        arrays |= {f"trained.{row}.{name}": value for name, value in arrays_of_row.items()}
    return FinishedJob(Flow(depth=8), [], arrays.get)


def test_a_row_for_each_map_and_each_inverse_and_folds_are_marked_from_their_layer_on():
    with styled():
        figure = FIGURES["deformed_grid"].draw([job("none.map", "spectral.map", "none.inverse", "spectral.inverse")])
    assert figure is not None
    panels = np.array(figure.axes[:24]).reshape(4, 6)
    assert [axes.get_title() for axes in panels[0]] == [
        "layer 0 of 8",
        *(f"layer {k}" for k in (2, 4, 6, 8)),
        "det of the map",
    ]
    back = [f"layer {k}" for k in (6, 4, 2, 0)]
    assert [axes.get_title() for axes in panels[2]][1:] == [*back, "det of the way back"]  # which is no inverse
    assert [axes.get_title() for axes in panels[3]][1:] == [*back, "det of the inverse"]
    marked = [[len(np.asarray(axes.get_lines()[-1].get_xdata())) for axes in row[:-1]] for row in panels]
    assert marked == [[0, 0, 36, 36, 36], [0] * 5] * 2
    assert all(
        any(isinstance(collection, LineCollection) for collection in axes.collections) for axes in panels[0, :-1]
    )
    assert "backwards" in panels[2, 0].get_ylabel()
    assert "inverse of each block" in panels[3, 0].get_ylabel()


@pytest.mark.slow
def test_a_map_that_blows_up_and_one_without_inverse_are_drawn(tmp_path):
    with styled():
        figure = FIGURES["deformed_grid"].draw([job("none.map", "none.inverse", blown_up=True)])
        assert figure is not None
        for suffix in ("png", "svg"):
            figure.savefig(tmp_path / f"x.{suffix}")
    assert len(figure.axes) == 13


@pytest.mark.parametrize("name", ["deformed_grid", "folding"])
def test_without_arrays_there_is_no_figure(name: str):
    for jobs in ([], [FinishedJob(Flow(), [], {}.get)]):
        assert FIGURES[name].draw(jobs) is None


def with_table(values: np.ndarray) -> FinishedJob:
    return FinishedJob(Flow(), [], {"trained.table": values}.get)


def test_every_number_of_the_table_is_written_beside_its_mark():
    values = 0.01 + 0.001 * np.arange(len(COLUMNS_OF_TRAINED) * 2 * len(CONTROLS_SHOWN)).reshape(
        len(COLUMNS_OF_TRAINED), -1
    )
    with styled():
        figure = FIGURES["folding"].draw([with_table(np.zeros_like(values)), with_table(values)])
    assert figure is not None
    shown = [name for name in COLUMNS_OF_TRAINED if name != "accuracy_error"]
    assert len(figure.axes) == len(shown)
    for axes, name in zip(figure.axes, shown, strict=True):
        table = values[COLUMNS_OF_TRAINED.index(name)].reshape(len(CONTROLS_SHOWN), len(KINDS_OF_WEIGHTS))
        assert [text.get_text() for text in axes.texts] == [f"{value:.3f}" for value in table.T.ravel()]


def test_a_training_that_exploded_is_said():
    values = np.ones((len(COLUMNS_OF_TRAINED), 2 * len(CONTROLS_SHOWN)))
    values[:, 0] = np.nan
    with styled():
        figure = FIGURES["folding"].draw([with_table(values)])
    assert figure is not None
    assert all(axes.texts[0].get_text() == "exploded" for axes in figure.axes)
