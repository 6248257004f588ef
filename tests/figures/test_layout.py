"""Nothing that is written in a figure is cut off or runs into a neighbour, in any format."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from resnet_limits.claims.claim import Judgement, Measured
from resnet_limits.figures import panels
from resnet_limits.figures.overview import overview_figure
from resnet_limits.figures.panels import Wording, claim_figure
from resnet_limits.figures.style import styled
from resnet_limits.figures.text import lines
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


def titles_at_the_left(figure: Figure) -> list[Text]:
    return [
        text
        for axes in figure.axes
        for text in axes.findobj(Text)
        if isinstance(text, Text) and text.get_text() and text.get_text() == axes.get_title(loc="left")
    ]


def texts(figure: Figure) -> list[Text]:
    """All that is written outside of the panels."""
    return [*figure.texts, *(axes.title for axes in figure.axes), *titles_at_the_left(figure)]


def assert_legible(figure: Figure) -> None:
    for dpi in RESOLUTIONS:
        figure.set_dpi(dpi)
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.draw(renderer)
        boxes = [axes.get_tightbbox(renderer, for_layout_only=True) for axes in figure.axes]
        for box in (*boxes, *(text.get_window_extent(renderer) for text in texts(figure) if text.get_text())):
            assert box is not None
            assert box.x0 >= 0
            assert box.y0 >= 0
            assert box.x1 <= figure.bbox.width
            assert box.y1 <= figure.bbox.height
        for text, box in itertools.product(figure.texts, boxes):
            assert box is not None
            assert not text.get_window_extent(renderer).overlaps(box)
        for axes in figure.axes:
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


def test_an_overview_is_legible_with_the_longest_questions_and_names():
    study = max((studies.get(name) for name in STUDIES), key=lambda study: len(study.claims))
    judgement, points = variants()[0]
    judged = [(replace(judgement, claim=replace(judgement.claim, id=claim.id)), points) for claim in study.claims]
    questions = {claim.id: study.group_of(claim.id).title for claim in study.claims}
    with styled():
        figure = overview_figure(judged, Wording(questions))  # type: ignore[arg-type]
        assert_legible(figure)
    assert len(figure.axes) == len(study.groups) < len(study.claims)


def test_no_statement_of_a_study_leaves_its_figure():
    """The lines of every statement, in a figure as wide as that of a claim."""
    statements = {claim.statement for name in STUDIES for claim in studies.get(name).claims}
    longest = sorted(statements, key=len)[-60:]
    figure = Figure(figsize=(panels.WIDTH, 2))
    with styled():
        renderer = FigureCanvasAgg(figure).get_renderer()
        for line in {line for statement in longest for line in lines(statement, panels.LETTERS_A_LINE)}:
            text = figure.text(panels.EDGE / panels.WIDTH, 0.5, line, fontsize=9)
            assert text.get_window_extent(renderer).x1 <= figure.bbox.width, line
            text.remove()


def test_the_overview_says_how_far_from_expected_each_claim_is():
    (judgement, points), count = judged(), 3
    tried = [
        replace(
            judgement,
            claim=replace(judgement.claim, id=f"ode.test{i}"),
            expected=replace(judgement.expected, tolerance=0.2),
            measured=Measured(1.0 + 0.1 * i, 0.9, 1.3),
            verdict=verdict,
        )
        for i, verdict in enumerate(("supported", "refuted", "inconclusive"))
    ]
    with styled():
        (axes,) = overview_figure([(one, points) for one in tried]).axes  # type: ignore[arg-type]
    marks = {
        float(x): y
        for line in axes.get_lines()
        if line.get_marker() != "None"
        for x, y in np.asarray(line.get_xydata())
    }
    assert {round(x, 6): y for x, y in marks.items()} == {0.0: 0.0, 0.5: 1.0, 1.0: 2.0}
    assert [tick.get_text() for tick in axes.get_yticklabels()] == [f"test{i}" for i in range(count)]
