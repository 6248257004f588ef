"""Nothing that is written in a figure is cut off or runs into a neighbour, in any format."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from resnet_limits.claims.claim import Judgement
from resnet_limits.figures.panels import claim_figure, overview_figure
from resnet_limits.figures.style import styled
from resnet_limits.settings.registry import STUDIES
from resnet_limits.studies import study as studies
from tests.figures.test_figures import judged

RESOLUTIONS = (72, 150, 300)
LONGEST = max((claim.id for name in STUDIES for claim in studies.get(name).claims), key=len)


def variants() -> list[tuple[Judgement, object]]:
    """Claims with short and long labels, small and large numbers, and a setting below the title."""
    figures = []
    for i, (what, scale) in enumerate(itertools.product(("order", "value", "at_most"), (1e-7, 1e-3, 1.0, 3e5))):
        judgement, points = judged(what, noise=0.02)
        expected = replace(judgement.expected, value=1.0 if what == "order" else 0.03 * scale, tolerance=0.01 * scale)
        claim = replace(
            judgement.claim,
            id=f"{LONGEST if i == 3 else 'ode.test'}{i}",
            observable="crossing_time_difference" if i % 2 else "e",
        )
        setting = {"activation": "tanh", "init.hurst": 0.3} if i % 3 == 0 else {}
        variant = replace(judgement, claim=claim, expected=expected, setting=setting)
        columns = {name: scale * points[name] for name in ("value", "stderr", "reference_error")}
        figures.append((variant, points.assign(**columns)))
    return figures


def assert_legible(figure: Figure) -> None:
    for dpi in RESOLUTIONS:
        figure.set_dpi(dpi)
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.draw(renderer)
        shown = [axes for axes in figure.axes if axes.get_visible()]
        boxes = [axes.get_tightbbox(renderer, for_layout_only=True) for axes in shown]
        for axes, box in zip(shown, boxes, strict=True):
            assert box is not None
            assert box.x0 >= 0
            assert box.y0 >= 0
            assert box.x1 <= figure.bbox.width
            assert box.y1 <= figure.bbox.height
            title = axes.title.get_window_extent(renderer)
            assert not any(
                title.overlaps(other.get_window_extent(renderer)) for other in (axes, axes.yaxis.get_offset_text())
            )
            for axis in (axes.xaxis, axes.yaxis):
                label = axis.label.get_window_extent(renderer)
                assert not any(label.overlaps(tick.get_window_extent(renderer)) for tick in axis.get_ticklabels())
            legend = axes.get_legend()
            if legend is not None:
                extent, inside = legend.get_window_extent(renderer), axes.bbox.padded(2)
                assert inside.x0 <= extent.x0
                assert inside.y0 <= extent.y0
                assert extent.y1 <= inside.y1
        for one, other in itertools.combinations(boxes, 2):
            assert one is not None
            assert other is not None
            assert not one.overlaps(other)


@pytest.mark.parametrize("judged", variants(), ids=lambda judged: judged[0].claim.id)
def test_a_figure_of_one_claim_is_legible(judged):
    with styled():
        assert_legible(claim_figure(*judged))


def test_an_overview_is_legible():
    with styled():
        assert_legible(overview_figure(variants()[:11]))  # type: ignore[arg-type]


def test_panels_have_one_size_and_fill_the_figure():
    with styled():
        figure = overview_figure(variants())  # type: ignore[arg-type]
        sizes = np.array([axes.get_position().size for axes in figure.axes])
        np.testing.assert_allclose(sizes - sizes[0], 0, atol=1e-12)
        assert sizes[0, 0] * 4 > 0.6
