"""Figures of the study `sde`: they show what jobs kept, and every run draws those of its study."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from resnet_limits.figures.style import styled
from resnet_limits.figures.write import NamedRequest, write_figures
from resnet_limits.measurement.job import FinishedJob, InMemory, Job
from resnet_limits.settings.registry import FIGURES
from resnet_limits.studies import study as studies
from resnet_limits.studies.sde.correlation import measure as correlation
from resnet_limits.studies.sde.functions import measure as functions
from resnet_limits.studies.sde.settings import Sde
from tests.planting import resize

DRAWN = studies.get("sde").figures


@pytest.fixture(scope="module")
def jobs() -> list[FinishedJob]:
    with pytest.MonkeyPatch.context() as patch:
        resize(patch, functions, LAYERS_OF_TIME_GRID=16)
        shared, jobs = InMemory(), []
        for depth in (4, 8, 16, 150):
            settings = Sde(width=4, depth=depth, replicas=8)
            arrays = functions.measure(Job(settings, shared)).arrays | correlation.measure(Job(settings)).arrays
            jobs.append(FinishedJob(settings, [], arrays.get))
    return jobs


@pytest.mark.slow
def test_curves_and_images_for_three_depths_and_the_sde(jobs):
    with styled():
        figure = FIGURES["function_draws"].draw(jobs)
    assert figure is not None
    left, _ = figure.subfigs
    curves, images, bars = left.axes[:4], left.axes[4:8], left.axes[8:]
    assert [axes.get_title() for axes in curves][:3] == [f"network, $L = {depth}$" for depth in (4, 16, 150)]
    assert [len(axes.get_lines()) for axes in curves] == [8, 8, 8, 4]  # the draws, and beside them those of the SDE
    arrays = jobs[-1].array("functions.own.line.sde")
    for line, draw in zip(curves[3].get_lines(), arrays, strict=True):
        np.testing.assert_array_equal(line.get_ydata(), draw)
    assert all(axes.collections for axes in images)
    assert len(bars) == 1
    assert len({axes.get_ylim() for axes in curves}) == 1


def test_the_scaled_networks_lie_on_the_limit_and_each_panel_ends_at_its_depth(jobs):
    with styled():
        figure = FIGURES["correlation_by_layer"].draw(jobs)
    assert figure is not None
    assert len(figure.axes) == 4
    assert [len(axes.get_lines()) for axes in figure.axes] == [6, 3, 3, 3]
    ends = [np.asarray(axes.get_lines()[0].get_xdata())[-1] for axes in figure.axes]
    assert ends == [150, 150, 150, 128]
    assert [text.get_text() for text in figure.legends[0].get_texts()][-1] == "exact limit"


@pytest.mark.parametrize("name", DRAWN)
def test_without_the_arrays_there_is_no_figure(name):
    assert FIGURES[name].draw([FinishedJob(Sde(depth=8), [], {}.get)]) is None


def test_an_exploded_draw_and_a_network_without_an_sde_are_drawn_with_gaps(jobs):
    def array(name: str) -> np.ndarray | None:
        array = jobs[-1].array(name)
        if name.startswith("functions.own") and name.endswith("sde"):
            return None
        if array is not None and name.startswith("functions.swish"):
            array = np.where(np.arange(array.shape[-1]) > 3, np.nan, array)
        return array

    with styled():
        figure = FIGURES["function_draws"].draw([FinishedJob(jobs[-1].settings, [], array)])
        assert figure is not None
        figure.draw_without_rendering()


@pytest.mark.parametrize("name", DRAWN)
def test_drawings_are_vectors_so_that_the_page_needs_nothing_from_outside(name, jobs, tmp_path: Path):
    write_figures(tmp_path, [], named=[NamedRequest(name, {}, jobs, [])])
    text = (tmp_path / f"{name}.svg").read_text()
    assert "<image" not in text
    assert len(text) < 2e6
