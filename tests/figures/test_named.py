"""Figures of papers: each has a configuration, a name among the settings and a drawing of what jobs kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from resnet_limits.figures.style import styled
from resnet_limits.figures.write import FIGURE_FORMATS, NamedRequest, write_figures
from resnet_limits.measurement.job import FinishedJob
from resnet_limits.settings.registry import FIGURES
from resnet_limits.studies.ode.settings import Ode

CONFIGS = Path(__file__).resolve().parents[2] / "configs" / "figure"


def trained(depth: int, *, iid: bool = True) -> FinishedJob:
    """Weights on one smooth curve whatever the depth, and weights that are independent from layer to layer."""
    t = np.arange(depth) / depth
    slopes = np.linspace(-1, 1, 6).reshape(1, 1, 2, 3)
    arrays = {"trained.V": np.sin(3 * t)[None, :, None, None] * slopes + slopes}
    if iid:
        arrays["trained_iid.V"] = np.random.default_rng(depth).standard_normal((1, depth, 2, 3))
    return FinishedJob(Ode(depth=depth), [], arrays.get)


def test_names_agree_in_settings_configurations_and_drawings():
    assert set(FIGURES) == {path.stem for path in CONFIGS.glob("*.yaml")}
    for name in FIGURES:
        assert f"figure: {name}\n" in (CONFIGS / f"{name}.yaml").read_text()


def test_a_panel_for_each_start_and_a_curve_for_each_depth_and_entry():
    with styled():
        figure = FIGURES["implicit_regularisation"].draw([trained(depth) for depth in (8, 16, 32, 64)])
    assert figure is not None
    tied, iid = figure.axes
    assert (tied.get_title(), iid.get_title()) == ("tied start", "i.i.d. start")
    assert (len(tied.get_lines()), len(iid.get_lines())) == (9, 3)
    assert [len(np.asarray(line.get_xdata())) for line in iid.get_lines()] == [8, 32, 64]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["$L = 8$", "$L = 32$", "$L = 64$"]


def test_smooth_weights_of_all_depths_lie_on_one_curve():
    with styled():
        figure = FIGURES["implicit_regularisation"].draw([trained(depth, iid=False) for depth in (8, 64)])
    assert figure is not None
    (axes,) = figure.axes
    colours: dict[str, list] = {}
    for line in axes.get_lines():
        colours.setdefault(str(line.get_color()), []).append(line)
    for coarse, fine in colours.values():
        at = np.interp(np.asarray(coarse.get_xdata()), np.asarray(fine.get_xdata()), np.asarray(fine.get_ydata()))
        np.testing.assert_allclose(at, np.asarray(coarse.get_ydata()))


@pytest.mark.parametrize("depths", [(), (8,)])
def test_without_the_arrays_there_is_no_figure(depths):
    jobs = [FinishedJob(Ode(depth=depth), [], {}.get) for depth in depths]
    assert FIGURES["implicit_regularisation"].draw(jobs) is None


def test_named_figures_are_written_first_and_alike(tmp_path: Path):
    request = NamedRequest("implicit_regularisation", {}, [trained(depth) for depth in (8, 16)], [])
    for folder in ("a", "b"):
        (drawn,) = write_figures(tmp_path / folder, [], named=[request])
        assert (drawn.name, drawn.kind) == ("implicit_regularisation", "named")
    for suffix in FIGURE_FORMATS:
        name = f"implicit_regularisation.{suffix}"
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
