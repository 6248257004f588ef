"""Figures show what was judged, are the same for the same records, and survive every verdict."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from resnet_limits.claims.claim import Claim, Expected, Judgement, Measured, What
from resnet_limits.claims.order import fit_order
from resnet_limits.figures.drawn import FILE, code_of
from resnet_limits.figures.panels import Wording, claim_figure
from resnet_limits.figures.style import styled
from resnet_limits.figures.write import FORMATS_FOR_PAPERS, file_name, write_figures
from resnet_limits.papers import THORPE

DEPTHS = np.array([8, 16, 32, 64, 128])


def judged(what: str = "order", noise: float = 0.0) -> tuple[Judgement, pd.DataFrame]:
    values = 0.3 / DEPTHS * (1 + 0.5 / DEPTHS)
    stderr = np.full(len(DEPTHS), np.nan) if noise == 0 else noise * values
    points = pd.DataFrame(
        {
            "depth": DEPTHS,
            "at": DEPTHS,
            "value": values,
            "stderr": stderr,
            "reference_error": 1e-9,
            "scaled": values * DEPTHS,
        }
    )
    fit = fit_order(DEPTHS, values, stderrs=stderr)
    expected = Expected(what, 1.0, 0.1)  # type: ignore[arg-type]
    claim = Claim("ode.test", THORPE, "a statement", "theorem", "forward_error", expected)
    measured = Measured(fit.order, fit.low, fit.high)
    return Judgement(claim, expected, {}, measured, "supported", "why"), points


def test_the_drawn_fit_runs_through_the_measured_points():
    judgement, points = judged()
    with styled():
        axes = claim_figure(judgement, points).axes[0]
    (line,) = [line_drawn for line_drawn in axes.get_lines() if str(line_drawn.get_label()).startswith("fitted order")]
    x, y = np.asarray(line.get_xdata(), dtype=float), np.asarray(line.get_ydata(), dtype=float)
    used = points[points["depth"] >= x.min() - 0.5]
    np.testing.assert_allclose(np.interp(np.log(used["depth"]), np.log(x), np.log(y)), np.log(used["value"]), atol=2e-3)
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert axes.get_xlabel() == "depth $L$"
    assert axes.get_ylabel() == "forward error"


def test_an_axis_says_what_was_measured_in_words_and_formulas():
    judgement, points = judged()
    wording = Wording(observables={"forward_error": "largest |x_L - x(T)|, relative; of all networks"})
    with styled():
        axes = claim_figure(judgement, points, wording).axes[0]
    assert axes.get_ylabel() == "largest $|x_{L} - x(T)|$"


def shaded(axes: Axes) -> list[tuple[float, float]]:
    """The heights between which the panel is shaded from side to side, the darkest first."""
    bands = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    return [
        (band.get_y(), band.get_y() + band.get_height()) for band in sorted(bands, key=lambda b: -(b.get_alpha() or 0))
    ]


def drawn_value(what: What, values: list[float], value: float, tolerance: float) -> Axes:
    expected = Expected(what, value, tolerance)
    claim = Claim("ode.test", THORPE, "a statement", "theorem", "forward_error", expected)
    points = judged()[1].head(len(values)).assign(value=values)
    with styled():
        return claim_figure(Judgement(claim, expected, {}, None, "inconclusive", "why"), points).axes[0]


def test_a_bound_shades_all_that_it_allows_and_a_value_its_tolerance():
    bounds: tuple[tuple[What, float], ...] = (("at_least", 0.1), ("at_most", 0.4))
    for what, bound in bounds:
        axes = drawn_value(what, [0.2, 0.3, 0.25], bound, 0.05)
        low, high = axes.get_ylim()
        allowed, tolerated = shaded(axes)
        assert allowed == pytest.approx((bound, high) if what == "at_least" else (low, bound))
        assert tolerated == pytest.approx((bound - 0.05, bound) if what == "at_least" else (bound, bound + 0.05))
        assert low < 0.2 < 0.3 < high
    assert shaded(drawn_value("value", [0.2, 0.3, 0.25], 0.25, 0.1)) == [pytest.approx((0.15, 0.35))]


def test_residuals_stand_on_a_logarithmic_axis_below_what_is_tolerated():
    kinds: tuple[What, ...] = ("at_most", "value")
    for what in kinds:
        axes = drawn_value(what, [1e-15, 3e-14, 2e-15], 0.0, 1e-9)
        assert axes.get_yscale() == "log"
        low, high = axes.get_ylim()
        assert low < 1e-15 < 1e-9 < high
        assert shaded(axes) == [pytest.approx((low, 1e-9))]
    assert drawn_value("value", [1e-15, -3e-14, 2e-15], 0.0, 1e-9).get_yscale() == "linear"
    assert drawn_value("at_most", [0.1, 0.2, 0.3], 0.5, 0.1).get_yscale() == "linear"


def test_an_order_that_is_a_bound_shades_what_falls_faster():
    judgement, points = judged("order_at_least")
    judgement = dataclasses.replace(judgement, expected=Expected("order_at_least", 0.5, 0.1))
    with styled():
        axes = claim_figure(judgement, points).axes[0]
    (dashed,) = [line for line in axes.get_lines() if str(line.get_label()).startswith("expected order at least")]
    corners = [
        path.vertices for band in axes.collections for path in band.get_paths() if band.get_label() == "_allowed"
    ]
    (x, y) = np.concatenate(corners).T
    start = np.asarray(dashed.get_ydata(), dtype=float)[0]
    assert y.max() == pytest.approx(axes.get_ylim()[1])
    assert y[x == x.min()].min() == pytest.approx(start)


def test_an_order_along_another_coordinate_is_drawn_against_that():
    judgement, points = judged(noise=0.02)
    expected = dataclasses.replace(judgement.expected, along="width", bend=0.1)
    points = points.assign(depth=64, at=2 * DEPTHS)
    with styled():
        axes = claim_figure(dataclasses.replace(judgement, expected=expected), points).axes[0]
    assert axes.get_xlabel() == "width $D$"
    assert [tick.get_text() for tick in axes.get_xticklabels()][::-1] == ["16", "32", "64", "128", "256"]


@pytest.mark.slow
def test_every_format_is_written_twice_alike(tmp_path: Path):
    for folder in ("a", "b"):
        write_figures(tmp_path / folder, [judged(noise=0.02)], formats=FORMATS_FOR_PAPERS)
    names = sorted(p.name for p in (tmp_path / "a").iterdir() if p.name != FILE)
    assert names == sorted(f"{n}.{s}" for n in ("ode.test", "overview") for s in FORMATS_FOR_PAPERS)
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize("what", ["order", "order_at_least", "value", "at_most", "at_least"])
def test_every_kind_of_claim_has_a_figure(what: str, tmp_path: Path):
    write_figures(tmp_path / "figures", [judged(what)])
    assert (tmp_path / "figures" / "ode.test.svg").stat().st_size > 1000


def test_a_claim_without_a_verdict_is_drawn_without_a_fit(tmp_path: Path):
    judgement, points = judged()
    bare = Judgement(judgement.claim, judgement.expected, {}, None, "inconclusive", "three depths")
    write_figures(tmp_path / "figures", [(bare, points.head(3))])
    assert (tmp_path / "figures" / "ode.test.svg").exists()


def test_file_names_cannot_leave_the_folder():
    assert file_name("ode.rough", {"data.folder": "../../etc"}) == "ode.rough_data.folder=..-..-etc"


def test_a_setting_with_a_dollar_is_no_formula(tmp_path: Path):
    judgement, points = judged()
    odd = Judgement(judgement.claim, judgement.expected, {"data.folder": "$x_{"}, judgement.measured, "supported", "y")
    assert [drawn.kind for drawn in write_figures(tmp_path / "figures", [(odd, points)])] == ["claim", "overview"]


def test_figures_of_an_earlier_collection_are_replaced_in_a_folder_of_our_own_alone(tmp_path: Path):
    for replace, left in ((False, True), (True, False)):
        (tmp_path / "old.png").write_bytes(b"old")
        write_figures(tmp_path, [judged()], replace=replace)
        assert (tmp_path / "old.png").exists() is left


def written_at(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir() if path.name != FILE}


def drawn_anew(folder: Path, *judged: tuple[Judgement, pd.DataFrame], **asked: Any) -> set[str]:
    """The files that are written where these claims are drawn into a folder once more."""
    before, heard = written_at(folder), []
    write_figures(folder, judged, progress=lambda done, of: heard.append((done, of)), **asked)
    after = written_at(folder)
    assert heard == [(count, heard[-1][1]) for count in range(len(heard))]  # 0, 1, ..., all of them
    return {name for name in after if after[name] != before.get(name)}


def test_only_what_changed_is_drawn_again(tmp_path: Path):
    (judgement, points), other = judged(), judged(noise=0.02)
    second = dataclasses.replace(other[0], claim=dataclasses.replace(other[0].claim, id="ode.second"))
    write_figures(tmp_path, [(judgement, points), (second, other[1])])
    assert drawn_anew(tmp_path, (judgement, points), (second, other[1])) == set()
    assert drawn_anew(tmp_path, (judgement, points * 1.01), (second, other[1])) == {"ode.test.svg"}
    refuted = dataclasses.replace(second, verdict="refuted")
    anew = drawn_anew(tmp_path, (judgement, points * 1.01), (refuted, other[1]))
    assert anew == {"ode.second.svg", "overview.svg", "overview.png"}


def test_a_figure_that_is_not_as_it_was_written_or_lacks_a_format_is_drawn_again(tmp_path: Path):
    claim = judged()
    write_figures(tmp_path, [claim])
    (tmp_path / "ode.test.svg").write_text("<svg>changed</svg>")
    assert drawn_anew(tmp_path, claim) == {"ode.test.svg"}
    (tmp_path / "overview.png").unlink()
    assert drawn_anew(tmp_path, claim) == {"overview.svg", "overview.png"}
    assert "ode.test.pdf" in drawn_anew(tmp_path, claim, formats=FORMATS_FOR_PAPERS)
    (tmp_path / FILE).write_text('{"ode.test": {"shows": 3}, "overview": []}')
    assert "ode.test.svg" in drawn_anew(tmp_path, claim)


def test_what_is_drawn_by_other_code_is_another_figure(tmp_path: Path):
    mine = tmp_path / "mine.py"
    mine.write_text("def draw(jobs):\n    return None\n")
    names: dict[str, Any] = {}
    exec(compile(mine.read_text(), str(mine), "exec"), names)
    first = code_of(names["draw"])
    mine.write_text("def draw(jobs):\n    return 1\n")
    code_of.cache_clear()
    assert code_of(names["draw"]) != first
    assert code_of(claim_figure) != code_of(names["draw"])


def test_an_order_with_nothing_positive_to_show_has_an_empty_figure(tmp_path: Path):
    judgement, points = judged()
    drawn = write_figures(tmp_path / "figures", [(judgement, points.assign(value=-points["value"]))])
    assert [figure.kind for figure in drawn] == ["claim", "overview"]
