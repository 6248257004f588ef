"""Verdicts on orders along another coordinate than the depth."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from resnet_limits.claims.claim import Claim, Expected
from resnet_limits.claims.judge import judge, pooled_points

from .toy import SETTINGS, claim, judged, table

WIDTHS = (16, 32, 64, 128)


def by_width(p: float, noise: float = 0.02, *, depth: int = 64, seed: int = 0, **coordinates: Any) -> pd.DataFrame:
    """Records of the widths inside one job of this depth, with standard errors that their values do not use up."""
    values = {width: 3 * width**-p * (1 + 0.1 * noise * (-1) ** i) for i, width in enumerate(WIDTHS)}
    records = table(values, stderr=[noise * v for v in values.values()], seed=seed, **coordinates)
    return records.assign(width=records["depth"], depth=depth)


def in_width(what: Any = "order", value: float = 0.5, tolerance: float = 0.15, **more: Any) -> Claim:
    plain = claim(what, value, random=True)
    return dataclasses.replace(plain, expected=Expected(what, value, tolerance, along="width", **more))


@pytest.mark.parametrize(
    ("what", "p", "noise", "verdict"),
    [
        ("order", 0.5, 0.02, "supported"),
        ("order", 0.0, 0.02, "refuted"),
        ("order", 1.0, 0.02, "refuted"),
        ("order", 0.5, 0.2, "inconclusive"),
        ("order_at_least", 1.0, 0.02, "supported"),
        ("order_at_least", 0.0, 0.02, "refuted"),
    ],
)
def test_an_order_in_width_comes_out_all_three_ways_from_one_job(what, p, noise, verdict):
    judgement = judged(in_width(what, bend=0.1), by_width(p, noise))
    assert judgement.verdict == verdict
    assert judgement.why.startswith("the order in D at L=64 lies in [")
    assert judgement.measured is not None
    assert judgement.measured.low < p < judgement.measured.high


def test_where_the_size_of_the_corrections_is_not_known_few_noisy_widths_say_little():
    known, unknown = (judged(in_width(bend=bend), by_width(0.5, 0.04)) for bend in (0.1, None))
    assert (known.verdict, unknown.verdict) == ("supported", "inconclusive")
    follows = judge(in_width(bend=lambda settings: settings.horizon / 10), SETTINGS, by_width(0.5, 0.04), {})
    assert follows.measured == known.measured
    assert judged(in_width(bend=lambda settings: 1.5), by_width(0.5, 0.04)).measured == unknown.measured


def test_an_order_in_width_is_read_at_the_deepest_depth_or_at_the_one_the_claim_names():
    records = pd.concat([by_width(1.0, depth=8), by_width(0.5, depth=64)], ignore_index=True)
    assert judged(in_width(bend=0.1), records).verdict == "supported"
    shallow = dataclasses.replace(in_width(bend=0.1), where={"depth": 8})
    assert judged(shallow, records).verdict == "refuted"
    assert "at L=8" in judged(shallow, records).why
    pooled = pooled_points(in_width(), SETTINGS, records)
    assert list(pooled["at"]) == list(WIDTHS)
    assert set(pooled["depth"]) == {64}
    np.testing.assert_allclose(pooled["scaled"], 3.0, rtol=0.01)


def test_seeds_are_pooled_width_by_width():
    records = pd.concat([by_width(0.5, 0.1, seed=seed) for seed in range(4)], ignore_index=True)
    one = pooled_points(in_width(), SETTINGS, by_width(0.5, 0.1))
    np.testing.assert_allclose(pooled_points(in_width(), SETTINGS, records)["stderr"], one["stderr"] / 2)


def test_records_without_the_coordinate_or_with_too_few_places_are_inconclusive():
    assert "no records of 'error' by width" in judged(in_width(), table([1.0, 0.5], stderr=0.1)).why
    few = by_width(0.5).query("width > 16")
    assert "needs 4 usable values of D, and there are 3" in judged(in_width(), few).why
    twice = pd.concat([by_width(0.5), by_width(0.6)], ignore_index=True)
    assert "several values of 'error' at D=16" in judged(in_width(), twice).why
    without = judged(in_width(), by_width(0.5).assign(stderr=[0.1, math.nan, 0.1, 0.1]))
    assert "no standard error at D=32" in without.why


def test_an_order_in_a_spacing_is_that_of_one_over_it():
    spacing = [0.5, 0.25, 0.125, 0.0625, 0.03125]
    records = table({8: 1.0}).drop(columns=["value"]).merge(pd.DataFrame({"spacing": spacing}), how="cross")
    records["value"] = [h**2 * (1 + h) for h in spacing]
    along_spacing = dataclasses.replace(claim("order", 2.0), expected=Expected("order", 2.0, 0.1, along="1/spacing"))
    judgement = judged(along_spacing, records)
    assert judgement.verdict == "supported", judgement.why
    assert "order in 1/spacing" in judgement.why
    assert list(pooled_points(along_spacing, SETTINGS, records)["at"]) == [2, 4, 8, 16, 32]


def test_only_an_order_is_along_a_coordinate():
    with pytest.raises(ValueError, match="along=width"):
        Expected("value", 0.5, 0.1, along="width")


@pytest.mark.slow
def test_the_intervals_of_few_networks_of_few_widths_cover_the_order():
    """As the claims have them: root mean squares over a dozen of networks, with the errors that these show."""
    rng, hits, count = np.random.default_rng(7), 0, 400
    for _ in range(count):
        rows = []
        for width in WIDTHS:
            squares = rng.chisquare(4, size=12) / 4 / width * (1 + 1 / width)
            value = math.sqrt(squares.mean())
            rows.append((width, value, squares.std(ddof=1) / math.sqrt(12) / (2 * value)))
        frame = pd.DataFrame(rows, columns=["width", "value", "stderr"])
        frame = frame.assign(depth=8, seed=0, observable="error", reference_error=math.nan, replicas=12)
        measured = judged(in_width(bend=0.1), frame).measured
        assert measured is not None
        hits += measured.low <= 0.5 <= measured.high
    assert hits / count >= 0.95
