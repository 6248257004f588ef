"""The figures of the study `kernel`, from arrays as jobs keep them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from resnet_limits.figures.drawable import with_drawable_arrays
from resnet_limits.figures.named import width_and_depth
from resnet_limits.figures.style import styled
from resnet_limits.measurement.job import FinishedJob
from resnet_limits.settings.registry import FIGURES
from resnet_limits.studies.kernel.settings import Kernel

WIDTHS = np.array([16.0, 32.0, 64.0, 128.0])


def corners(end: float) -> np.ndarray:
    """Means that are those of infinite width, and deviations that fall as the width to the power -1/2."""
    rows = np.zeros((7, 5))
    rows[0] = [*WIDTHS, np.inf]
    rows[1], rows[3] = end, 0.1
    rows[2, :4], rows[5, :4], rows[6, :4] = 0.01, WIDTHS**-0.5, 0.01
    return rows


def job(depth: int, *, limit: bool = True, accuracies: bool = True) -> FinishedJob:
    arrays = {"diagram.depth": corners(2 - 4 / depth), "inference.learnt": np.ones((3, 5)) * np.arange(5)}
    arrays |= {"inference.predicted": np.arange(5.0), "inference.loss": np.ones(4)}
    for name in ("trained", "mean", "variance"):
        arrays[f"inference.distance.{name}"] = np.stack([WIDTHS, WIDTHS**-0.5, 0.01 * WIDTHS**-0.5])
    if limit:
        arrays["diagram.limit"] = corners(2.0)
    if accuracies:
        arrays |= {"accuracy": np.array([[0.9, np.nan, 0.9, 0.97], [0.01] * 4, [1400.0] * 4])}
        arrays |= {"inference.accuracy": np.array([[1.0, 0.0], [0.0, 1.0], [200.0, 200.0]])}
    return FinishedJob(Kernel(depth=depth), [], arrays.get)


def test_the_exact_curve_ends_at_one_and_points_stand_beside_it():
    with styled():
        figure = FIGURES["width_and_depth"].draw([job(depth) for depth in (64, 16, 256)])
    assert figure is not None
    left, right = figure.axes
    (exact,) = [line for line in left.get_lines() if "exact" in str(line.get_label())]
    np.testing.assert_allclose(np.asarray(exact.get_ydata()), [0.875, 0.96875, 0.9921875, 1.0])
    assert [text.get_text() for text in left.get_xticklabels()] == ["16", "64", "256", r"$\infty$"]
    _, labels = right.get_legend_handles_labels()
    assert sorted(labels) == sorted(["$D^{-1/2}$", "$L = 16$", "$L = 256$", r"$L = \infty$"])


def test_infinite_width_is_one_curve_in_a_run_too_whose_arrays_are_drawable_numbers():
    with styled():
        figure = FIGURES["width_and_depth"].draw(with_drawable_arrays([job(depth) for depth in (16, 64)]))
    assert figure is not None
    (exact,) = [line for line in figure.axes[0].get_lines() if "exact" in str(line.get_label())]
    np.testing.assert_allclose(np.asarray(exact.get_ydata()), [0.875, 0.96875, 1.0])


def test_jobs_of_several_widths_are_drawn_as_one():
    wide, narrow = job(64), job(64)
    table = corners(2 - 4 / 64)
    narrow = FinishedJob(replace(narrow.settings, width=64), [], {"diagram.depth": table[:, [0, 2, 4]]}.get)
    table = table.copy()
    table[0, :4] = [16, 64, 256, 512]
    wide = FinishedJob(wide.settings, [], {"diagram.depth": table}.get)
    with styled():
        figure = FIGURES["width_and_depth"].draw([narrow, job(32, limit=False), wide])
    assert figure is not None
    _, labels = figure.axes[0].get_legend_handles_labels()
    assert {label for label in labels if "infty" not in label} == {f"$D = {d}$" for d in (16, 32, 64, 128, 256, 512)}
    np.testing.assert_array_equal(
        width_and_depth.joined_columns([table, corners(1.0)])[0], [16, 32, 64, 128, 256, 512, np.inf]
    )


def test_without_a_limit_the_deepest_network_is_the_unit():
    with styled():
        figure = FIGURES["width_and_depth"].draw([job(depth, limit=False) for depth in (16, 64)])
    assert figure is not None
    (exact,) = [line for line in figure.axes[0].get_lines() if "exact" in str(line.get_label())]
    assert np.asarray(exact.get_ydata())[-1] == 1


def test_accuracies_that_are_not_known_are_left_out():
    with styled():
        figure = FIGURES["kernel_regression"].draw([job(16), job(64)])
        without = FIGURES["kernel_regression"].draw([job(16, accuracies=False)])
    assert figure is not None
    assert without is not None
    assert (len(figure.axes), len(without.axes)) == (3, 2)
    names = [text.get_text() for text in figure.axes[2].get_yticklabels()]
    known = [f"{name}, 1,400" for name in ("linear ridge", "tangent kernel", "deep block")]
    assert names == [*known, "finite networks, 200", "their kernel, 200"]


@pytest.mark.parametrize("name", ["width_and_depth", "kernel_regression"])
def test_without_arrays_there_is_no_figure(name: str):
    for jobs in ([], [FinishedJob(Kernel(), [], {}.get)]):
        assert FIGURES[name].draw(jobs) is None
