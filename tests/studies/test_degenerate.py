"""Keys at the ends of their ranges, degenerate pairs of them, degenerate points: no crash, no warning, and no verdict
that rests on what is no number. What cannot be judged is inconclusive with a reason.
"""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from resnet_limits.data.sources.gaussian import GaussianData
from resnet_limits.data.sources.moons import MoonsData
from resnet_limits.errors import SettingError
from resnet_limits.measurement.job import Job
from resnet_limits.paths.laws.iid import IidLaw
from resnet_limits.studies import degenerate
from resnet_limits.studies import study as studies
from resnet_limits.studies.kernel.settings import KernelKeys
from resnet_limits.studies.sde.problem import inputs
from resnet_limits.studies.sde.settings import Sde, SdeKeys
from tests.studies.extremes import BOTH_ZERO, TINY, Case, at_the_ends, judged, planted, together, tried, with_keys

pytestmark = pytest.mark.slow

SAMPLE = [case for study in TINY for case in [*together(TINY[study]), *at_the_ends(TINY[study])][3::41]]
"""One in so many: all of them together take some minutes a study (`-m long`)."""
SLOW = {"horizon=1000.0", "init.correlation=0.01", "init.sigma_w=100.0"}
"""Paths of such a length that their exact flow takes minutes: nothing degenerate."""


@pytest.mark.parametrize("case", SAMPLE, ids=lambda case: f"{case.settings.study} {case.name or 'tiny'}")
def test_the_ends_of_ranges_and_degenerate_points_give_verdicts_or_reasons(case: Case):
    assert tried(case).faults == []


@pytest.mark.long
@pytest.mark.parametrize("study", TINY)
def test_all_ends_of_ranges_and_degenerate_points(study: str):
    count, verdicts, refused, faults = 0, 0, 0, {}
    for case in [*together(TINY[study]), *at_the_ends(TINY[study])]:
        if case.settings.study in ("ode", "flow") and case.name in SLOW:
            continue
        outcome = tried(case)
        count, verdicts, refused = count + 1, verdicts + outcome.verdicts, refused + bool(outcome.refused)
        if outcome.faults:
            faults[case.name] = outcome.faults
    print(f"{study}: {count} jobs, {refused} refused in words, {verdicts} verdicts")
    assert faults == {}


# -- reasons --------------------------------------------------------------------------------------

ONE = replace(TINY["sde"], width=1, init=IidLaw(sigma_w=0.5, sigma_b=0.0), sde=SdeKeys(inputs=1))


@pytest.mark.parametrize(
    ("settings", "points", "claim", "why"),
    [
        (
            replace(TINY["sde"], data=MoonsData(train_size=20, test_size=10)),
            "a point at the origin",
            "sde.law.norm",
            "input 1 lies at the origin",
        ),
        (
            replace(TINY["sde"], horizon=1e-300),
            "",
            "sde.law.energy",
            "horizon=1e-300: a layer moves the states by .*, which their rounding hides",
        ),
        (ONE, "", "sde.correlation", "width=1: on a line"),
        (
            replace(TINY["sde"], sde=SdeKeys(inputs=1)),
            "",
            "sde.weak.overlap",
            "sde.inputs=1: an overlap is one of two inputs",
        ),
        (with_keys(TINY["sde"], BOTH_ZERO), "", "sde.strong", "all weights are zero"),
        (
            replace(
                TINY["kernel"], kernel=KernelKeys(inputs=2, networks=2, trained_depth=2, points=6, steps=3, ridge=1e-14)
            ),
            "",
            "kernel.expressivity.ridge",
            "singular to rounding .*; set a ridge",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_degenerate_is_said(settings, points, claim, why):
    with planted(points):
        judgement = judged(settings, claim)
    assert judgement.verdict == "inconclusive"
    assert re.search(why, judgement.why), judgement.why


def test_points_at_the_origin_equal_and_opposite_ones_are_named():
    x = np.array([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0], [-3.0, -4.0], [5.0, 6.0]])
    assert degenerate.degenerate_points(x[[0, 1, 4]]) is None
    assert degenerate.degenerate_points(x[:3]) == "training points 1 and 3 are equal"
    assert degenerate.degenerate_points(x[[1, 0, 3]], "input") == "inputs 1 and 3 lie opposite each other"
    assert "2 lies at the origin" in (degenerate.degenerate_points(np.array([[1.0], [0.0]])) or "")
    assert "beyond float64" in (degenerate.degenerate_points(np.array([[1e-160]])) or "")


# -- one dimension --------------------------------------------------------------------------------


def test_in_one_dimension_the_strong_order_is_a_half():
    """x_T = x_0 exp(sigma_w W_T - sigma_w^2 T/2) is what networks tend to there (`sde/test_strong.py`)."""
    settings = replace(ONE, replicas=512, claims=["sde.strong"])
    judgement = judged(settings, "sde.strong", depths=(16, 32, 64, 128))
    assert judgement.measured is not None, judgement.why
    assert judgement.measured.value == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("correlation", [1.0, -1.0])
def test_inputs_on_a_line_have_their_norm_and_their_angle(correlation):
    settings = Sde(width=1, device="cpu", sde=SdeKeys(correlation=correlation, norm=2.0))
    studies.get("sde").check(settings)
    x, y = inputs(settings)
    assert float(x @ x) == pytest.approx(2.0)
    assert float(x @ y) == pytest.approx(2.0 * correlation)


def test_more_equal_inputs_than_coordinates_have_their_norm():
    x = inputs(Sde(width=2, device="cpu", sde=SdeKeys(inputs=5, correlation=1.0)))
    np.testing.assert_allclose(x @ x.T / 2, np.ones((5, 5)), rtol=1e-12)


def test_two_inputs_at_an_angle_do_not_fit_on_a_line():
    with pytest.raises(SettingError, match=r"take sde.inputs=1, or sde.correlation=1 or -1"):
        studies.get("sde").check(Sde(width=1))


def test_a_part_that_cannot_be_determined_leaves_the_others():
    data = GaussianData(train_size=30, test_size=10, features=4)
    settings = with_keys(TINY["kernel"], {"data": data, "kernel.ridge": 1e-14})
    records = studies.get("kernel").measure(Job(settings)).records
    assert any("why" in record.coordinates for record in records)
    assert sum(np.isfinite(record.value) for record in records) > 20
