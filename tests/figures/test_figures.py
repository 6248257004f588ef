"""Figures show what was judged, are the same for the same records, and survive every verdict."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from resnet_limits.claims.claim import Claim, Expected, Judgement, Measured
from resnet_limits.claims.order import fit_order
from resnet_limits.figures.panels import claim_figure
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


def test_an_order_along_another_coordinate_is_drawn_against_that():
    judgement, points = judged(noise=0.02)
    expected = dataclasses.replace(judgement.expected, along="width", bend=0.1)
    points = points.assign(depth=64, at=2 * DEPTHS)
    with styled():
        axes = claim_figure(dataclasses.replace(judgement, expected=expected), points).axes[0]
    assert axes.get_xlabel() == "width $D$"
    assert [tick.get_text() for tick in axes.get_xticklabels()][::-1] == ["16", "32", "64", "128", "256"]


def test_every_format_is_written_twice_alike(tmp_path: Path):
    for folder in ("a", "b"):
        write_figures(tmp_path / folder, [judged(noise=0.02)], formats=FORMATS_FOR_PAPERS)
    names = sorted(p.name for p in (tmp_path / "a").iterdir())
    assert names == sorted(f"{n}.{s}" for n in ("ode.test", "overview") for s in FORMATS_FOR_PAPERS)
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize("what", ["order", "order_at_least", "value", "at_most", "at_least"])
def test_every_kind_of_claim_has_a_figure(what: str, tmp_path: Path):
    write_figures(tmp_path / "figures", [judged(what)])
    assert (tmp_path / "figures" / "ode.test.png").stat().st_size > 1000


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


def test_an_order_with_nothing_positive_to_show_has_an_empty_figure(tmp_path: Path):
    judgement, points = judged()
    drawn = write_figures(tmp_path / "figures", [(judgement, points.assign(value=-points["value"]))])
    assert [figure.kind for figure in drawn] == ["claim", "overview"]
