"""Minimisers are drawn over depth: a panel for the data and for each control, a curve a depth."""

from __future__ import annotations

import numpy as np
import pytest

from resnet_limits.figures.style import styled
from resnet_limits.measurement.job import FinishedJob
from resnet_limits.settings.registry import FIGURES
from resnet_limits.studies.gamma.settings import Gamma


def job(depth: int, *, controls: bool = True) -> FinishedJob:
    """Of the data `K(t) = t` in every entry; of the controls numbers that know nothing of each other."""
    t = np.arange(depth) / depth
    arrays = {"real.K": np.tile(t[:, None, None], (1, 3, 3))}
    if controls:
        rough = np.random.default_rng(depth).standard_normal((2, depth, 12))
        arrays |= {"ablation.none": rough, "ablation.decay": rough}
    return FinishedJob(Gamma(depth=depth), [], arrays.get)


@pytest.mark.parametrize(("controls", "panels"), [(True, 3), (False, 1)])
def test_curves_of_several_depths_lie_on_one_another_with_the_penalty_alone(controls: bool, panels: int):
    with styled():
        figure = FIGURES["minimisers"].draw([job(depth, controls=controls) for depth in (8, 32, 128)])
    assert figure is not None
    assert len(figure.axes) == panels
    for line in figure.axes[0].get_lines():
        x, y = (np.asarray(coordinate, dtype=float) for coordinate in (line.get_xdata(), line.get_ydata()))
        np.testing.assert_allclose(y, x)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["$n = 8$", "$n = 32$", "$n = 128$"]
    if controls:
        assert len(figure.axes[1].get_lines()) == 3


def test_without_weights_there_is_no_figure():
    assert FIGURES["minimisers"].draw([]) is None
