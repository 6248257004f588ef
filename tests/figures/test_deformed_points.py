"""Deformed points are drawn at five times, from the deepest network and the landmarks that jobs kept."""

from __future__ import annotations

import numpy as np
import pytest

from resnet_limits.figures.style import styled
from resnet_limits.measurement.job import FinishedJob
from resnet_limits.settings.registry import FIGURES
from resnet_limits.studies.hamiltonian.settings import Hamiltonian


def job(depth: int, *, landmarks: bool, width: int = 2) -> FinishedJob:
    points = np.linspace(0, 1, 6 * width).reshape(6, width)
    arrays = {
        "network.states": points + np.linspace(0, 1, depth + 1)[:, None, None],
        "network.targets": np.array([[1.0], [-1.0]] * 3),
    }
    if landmarks:
        side = np.linspace(-1, 1, 3)
        grid = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(9, 2)
        arrays |= {f"landmarks.{name}": np.stack([grid] * 5) for name in ("grid", "states")}
        arrays["landmarks.targets"] = grid
    return FinishedJob(Hamiltonian(depth=depth, width=width), [], arrays.get)


def test_five_times_of_the_deepest_network_and_of_the_landmarks():
    with styled():
        figure = FIGURES["deformed_points"].draw([job(8, landmarks=True), job(16, landmarks=False)])
    assert figure is not None
    assert len(figure.axes) == 10
    assert [axes.get_title() for axes in figure.axes[:5]] == [
        "$s = 0$ of $L = 16$",
        *(f"$s = {s}$" for s in (4, 8, 12, 16)),
    ]
    first, last = (np.asarray(figure.axes[i].get_lines()[0].get_xdata()) for i in (0, 4))
    np.testing.assert_allclose(last - first, 1.0)
    for row in (figure.axes[:5], figure.axes[5:]):
        assert len({(axes.get_xlim(), axes.get_ylim()) for axes in row}) == 1
        assert all(axes.get_xlabel() and axes.get_aspect() == 1.0 for axes in row)
        x = np.concatenate([np.asarray(line.get_xdata(), dtype=float) for axes in row for line in axes.get_lines()])
        assert row[0].get_xlim()[0] <= x.min() <= x.max() <= row[0].get_xlim()[1]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        *("class 0", "class 1", "where they are to go", "landmarks")
    ]


@pytest.mark.parametrize("width", [1, 2])
def test_without_a_plane_or_landmarks_there_is_less_or_no_figure(width: int):
    with styled():
        figure = FIGURES["deformed_points"].draw([job(8, landmarks=False, width=width)])
    assert (figure is None) == (width == 1)
    assert FIGURES["deformed_points"].draw([]) is None
