"""Verdicts: each comes out all three ways, and for the right reason."""

from __future__ import annotations

import dataclasses
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from resnet_limits.claims.judge import judge, pooled_points

from .toy import DEPTHS, SETTINGS, claim, errors, judged, table

# -- three ways -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "expected", "p", "noise", "verdict"),
    [
        ("order", 1.0, 1.0, 0.0, "supported"),
        ("order", 1.0, 1.5, 0.0, "refuted"),
        ("order", 1.0, 0.5, 0.0, "refuted"),
        ("order", 1.0, 1.0, 0.05, "inconclusive"),
        ("order", 1.0, 1.1, 0.0, "inconclusive"),
        ("order_at_least", 1.0, 1.0, 0.0, "supported"),
        ("order_at_least", 1.0, 3.0, 0.0, "supported"),
        ("order_at_least", 1.0, 0.5, 0.0, "refuted"),
        ("order_at_least", 1.0, 0.9, 0.0, "inconclusive"),
        ("order", 0.0, 0.0, 0.0, "supported"),  # a control: the error does not fall
        ("order", 0.0, 1.0, 0.0, "refuted"),
    ],
)
def test_a_claim_on_an_order_comes_out_all_three_ways(what, expected, p, noise, verdict):
    values = errors(p)
    records = table(values, stderr=[noise * v or math.nan for v in values.values()])
    assert judged(claim(what, expected), records).verdict == verdict


@pytest.mark.parametrize("random", [True, False])
@pytest.mark.parametrize(
    ("what", "value", "half_width", "verdict"),
    [
        ("value", 1.05, 0.04, "supported"),
        ("value", 1.25, 0.04, "refuted"),
        ("value", 0.75, 0.04, "refuted"),
        ("value", 1.08, 0.04, "inconclusive"),
        ("value", 1.0, 0.4, "inconclusive"),
        ("at_most", 1.05, 0.04, "supported"),
        ("at_most", -7.0, 0.04, "supported"),
        ("at_most", 1.2, 0.04, "refuted"),
        ("at_most", 1.1, 0.04, "inconclusive"),
        ("at_least", 0.95, 0.04, "supported"),
        ("at_least", 7.0, 0.04, "supported"),
        ("at_least", 0.8, 0.04, "refuted"),
        ("at_least", 0.9, 0.04, "inconclusive"),
    ],
)
def test_a_claim_on_a_value_comes_out_all_three_ways_at_the_deepest_depth(what, value, half_width, verdict, random):
    width: dict[str, Any] = {"stderr": half_width / 1.96} if random else {"reference_error": half_width}
    judgement = judged(claim(what, 1.0), table([99.0, 99.0, value], **width))
    assert judgement.verdict == verdict
    assert judgement.measured is not None
    assert judgement.measured.low == pytest.approx(value - half_width)
    assert judgement.measured.high == pytest.approx(value + half_width)


def test_an_interval_that_just_touches_the_tolerance_is_inside_it():
    assert judged(claim("at_most", 1.0, 0.5), table([1.25], reference_error=0.25)).verdict == "supported"
    assert judged(claim("value", 1.0, 0.5), table([0.75], reference_error=0.25)).verdict == "supported"


def test_a_control_is_judged_by_the_same_rules():
    control = dataclasses.replace(claim("order", 0.0), kind="control")
    assert judged(control, table(errors(0.0))).verdict == "supported"
    assert judged(control, table(errors(1.0))).verdict == "refuted"


def test_a_widened_tolerance_changes_the_verdict_and_is_written_in_it():
    """The tolerance is part of the claim: nobody widens it unseen."""
    off = table(errors(1.25))
    strict, wide = judged(claim("order", 1.0, 0.1), off), judged(claim("order", 1.0, 0.5), off)
    assert (strict.verdict, wide.verdict) == ("refuted", "supported")
    assert "1 ± 0.1" in strict.why
    assert "1 ± 0.5" in wide.why


def test_a_wrong_constant_is_refuted_and_a_wrong_sign_of_the_order_too():
    assert judged(claim("value", math.exp(0.5)), table([math.exp(-0.5)], reference_error=1e-3)).verdict == "refuted"
    assert judged(claim("order_at_least", 1.0), table(errors(-1.0))).verdict == "refuted"


# -- refuted only if the deeper depths agree -------------------------------------------------------


def test_an_order_is_refuted_only_if_it_still_is_without_the_shallowest_depth():
    """Order 1.15 with 1 % noise: all fitted depths put it outside 1 ± 0.1, but not without L=16."""
    for p, verdict in ((1.15, "inconclusive"), (1.2, "refuted")):
        values = errors(p, d=0.5)
        judgement = judged(claim("order", 1.0), table(values, stderr=[0.01 * v for v in values.values()]))
        assert judgement.measured is not None
        assert judgement.measured.low > 1.1
        assert judgement.verdict == verdict
        assert ("without its shallowest depth, L=16" in judgement.why) == (verdict == "inconclusive")


def test_a_shallowest_depth_that_is_no_asymptotics_yet_does_not_refute_a_true_order():
    for spoiled in (0.3, 0.8, 1.3, 3.0):
        for depths in (DEPTHS[:4], DEPTHS):
            values = errors(1.0, depths=depths)
            values[8] *= spoiled
            assert judged(claim("order", 1.0), table(values)).verdict != "refuted"


# -- preconditions --------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["order", "order_at_least", "value", "at_most", "at_least"])
def test_nothing_recorded_is_inconclusive(what):
    judgement = judged(claim(what, 1.0), table(errors(), observable="something else"))
    assert (judgement.verdict, judgement.measured) == ("inconclusive", None)
    assert "no records of 'error'" in judgement.why


@pytest.mark.parametrize("what", ["order", "order_at_least"])
def test_fewer_than_four_usable_depths_are_inconclusive_and_say_how_many(what):
    judgement = judged(claim(what, 1.0), table(errors(depths=(8, 16, 32))))
    assert judgement.verdict == "inconclusive"
    assert "needs 4 usable depths, and there are 3" in judgement.why


@pytest.mark.parametrize(("what", "p"), [("order", 1.0), ("order", 2.0), ("value", 1.0), ("at_most", 1.0)])
def test_an_interval_of_no_width_gives_no_verdict(what, p):
    judgement = judged(claim(what, p), table(errors(p, c=0.0, d=0.0)))
    assert judgement.verdict == "inconclusive"
    assert "no width" in judgement.why


def test_a_setting_outside_the_theorem_is_inconclusive_whatever_was_measured():
    outside = claim("order", 1.0, outside=lambda s: "relu is not smooth" if s.activation == "relu" else None)
    for activation, verdict in (("tanh", "supported"), ("relu", "inconclusive")):
        judgement = judge(outside, SimpleNamespace(activation=activation), table(errors()), {})
        assert judgement.verdict == verdict
        assert ("relu is not smooth" in judgement.why) == (verdict == "inconclusive")
        assert judgement.measured is not None


@pytest.mark.parametrize("what", ["order", "order_at_least", "value", "at_most", "at_least"])
def test_an_expectation_that_is_nan_is_inconclusive(what):
    judgement = judged(claim(what, lambda settings: math.nan), table(errors(), reference_error=1e-9))
    assert judgement.verdict == "inconclusive"
    assert "nan" in judgement.why


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_value_that_is_no_number_at_the_deepest_depth_is_inconclusive(value):
    assert judged(claim("at_most", 1.0), table([0.5, 0.5, value], stderr=0.01)).verdict == "inconclusive"
    assert judged(claim("at_most", 1.0), table([0.5, 0.5], stderr=math.inf)).verdict == "inconclusive"


def test_what_is_expected_follows_the_settings():
    law = claim("value", lambda settings: math.exp(settings.horizon), 0.01)
    for horizon in (1.0, 2.0):
        records = table([math.exp(horizon)], reference_error=1e-6)
        judgement = judge(law, SimpleNamespace(horizon=horizon), records, {"horizon": horizon})
        assert judgement.verdict == "supported"
        assert judgement.expected.value == math.exp(horizon)
        assert judgement.setting == {"horizon": horizon}


# -- reference errors ------------------------------------------------------------------------------


def test_a_depth_with_a_poor_reference_is_left_out_and_named():
    values = errors(4.0)
    judgement = judged(claim("order", 4.0), table(values, reference_error=0.3 * values[256]))
    assert judgement.verdict == "supported"
    assert "left out: L=256 (reference error" in judgement.why


def test_an_error_that_is_only_the_reference_s_own_does_not_refute_a_theorem():
    """RK4 errors below the error of the reference are flat: not an order 0, but no measurement."""
    values = {L: v + 1e-5 for L, v in errors(4.0).items()}
    assert judged(claim("order", 4.0), table(values)).verdict != "supported"
    known = judged(claim("order", 4.0), table(values, reference_error=1e-5))
    assert known.verdict == "inconclusive"
    assert "usable depths" in known.why


# -- seeds and selection ---------------------------------------------------------------------------


def test_seeds_are_averaged_and_their_standard_errors_shrink_with_them():
    records = pd.concat(
        [table([1.0, 2.0], stderr=0.3, seed=0), table([3.0, 6.0], stderr=0.4, seed=1)], ignore_index=True
    )
    pooled = pooled_points(claim("value", 4.0), SETTINGS, records)
    np.testing.assert_allclose(pooled["value"], [2.0, 4.0])
    np.testing.assert_allclose(pooled["stderr"], [0.25, 0.25])
    assert list(pooled["depth"]) == [8, 16]


def test_the_bias_of_a_reference_is_not_averaged_away():
    records = pd.concat([table([1.0], reference_error=0.01, seed=seed) for seed in range(100)], ignore_index=True)
    assert pooled_points(claim("value", 1.0), SETTINGS, records)["reference_error"].item() == pytest.approx(0.01)


def test_one_job_found_in_two_runs_counts_once():
    once = table([1.0, 2.0], stderr=0.3)
    twice = pd.concat([once, once], ignore_index=True)
    pd.testing.assert_frame_equal(
        pooled_points(claim("value", 1.0), SETTINGS, twice), pooled_points(claim("value", 1.0), SETTINGS, once)
    )


@pytest.mark.slow
def test_the_scatter_of_seeds_is_the_interval_of_a_value_whose_jobs_give_none():
    """Coverage of the pooled interval: 95 in 100, from three seeds only."""
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(400):
        records = pd.concat([table([rng.normal()], seed=seed) for seed in range(3)], ignore_index=True)
        measured = judged(claim("value", 0.0), records).measured
        assert measured is not None
        hits += measured.low <= 0.0 <= measured.high
    assert 0.91 < hits / 400 < 0.99


def test_a_depth_with_another_seed_does_not_pass_its_constant_off_as_a_rate():
    """Seed 1 has ten times the error and was run at the shallow depths only: the order is that of seed 0."""
    deterministic = table(errors())
    partly = table({L: 10 * v for L, v in errors(depths=(8, 16, 32)).items()}, seed=1)
    judgement = judged(claim("order", 1.0), pd.concat([deterministic, partly], ignore_index=True))
    assert judgement.verdict == "supported"
    strangers = pd.concat([table(errors(depths=(8, 16)), seed=0), table(errors(depths=(32, 64)), seed=1)])
    assert "no seed was run at every depth" in judged(claim("order", 1.0), strangers).why


def test_a_claim_reads_only_its_coordinates_at_the_output_and_at_the_end():
    heun = claim("order", 2.0, where={"scheme": "heun"})
    layers = table(errors(0.3), scheme="heun").assign(layer=3)
    steps = table(errors(0.3), scheme="heun").assign(step=10)
    records = pd.concat([table(errors(1.0), scheme="euler"), layers, table(errors(2.0), scheme="heun"), steps])
    assert judged(heun, records).verdict == "supported"
    assert "scheme=rk4" in judged(claim("order", 4.0, where={"scheme": "rk4"}), records).why


def test_a_selection_that_mixes_two_quantities_is_not_judged():
    records = pd.concat([table(errors(1.0), scheme="euler"), table(errors(2.0), scheme="heun")])
    judgement = judged(claim("order", 1.0), records)
    assert judgement.verdict == "inconclusive"
    assert "does not tell them apart" in judgement.why


def test_scaled_points_are_flat_where_the_claim_is_right():
    pooled = pooled_points(claim("order", 1.5), SETTINGS, table(errors(1.5, c=0.0, d=0.0)))
    np.testing.assert_allclose(pooled["scaled"], 1.0)
    np.testing.assert_allclose(pooled_points(claim("at_most", 1.5), SETTINGS, table([3.0, 4.0]))["scaled"], [3.0, 4.0])


def test_the_reason_of_a_supported_order_reads_well():
    why = judged(claim("order", 1.0), table(errors())).why
    assert why.startswith("the order lies in [")
    assert why.endswith("inside 1 ± 0.1")


def test_errors_that_bend_too_much_refute_nothing_and_say_so():
    # Order 1 in the end, but with a correction e^5 at the shallowest depth: at these depths a much higher order.
    bent = {L: 0.1 / L * math.exp(40 / L) for L in (8, 16, 32, 64)}
    judgement = judged(claim("order", 4.0, 0.02), table(bent))
    assert judgement.verdict == "inconclusive"
    assert "not yet asymptotic" in judgement.why


def test_a_random_quantity_without_a_standard_error_gets_no_verdict_unless_seeds_scatter():
    random = claim("order", 1.0, random=True)
    one = table({L: 1.0 / L for L in DEPTHS})
    assert judged(random, one).verdict == "inconclusive"
    assert "at least 3 replicas, or several seeds" in judged(random, one).why
    noise = (1.001, 0.999, 1.002, 0.998, 1.001, 0.999)
    other = table({L: a / L for L, a in zip(DEPTHS, noise, strict=True)}, seed=1)
    assert judged(random, pd.concat([one, other])).verdict == "supported"


def test_what_a_value_takes_beyond_one_depth_is_said():
    pairs = claim("order", 1.0, needs="pairs of depths L and 2L")
    for depths in ((), (8, 16)):
        assert "pairs of depths L and 2L" in judged(pairs, table({L: 1.0 / L for L in depths})).why


@pytest.mark.slow
@pytest.mark.parametrize("replicas", [3, 8])
def test_the_interval_of_few_replicas_covers_as_often_as_it_says(replicas: int):
    rng = np.random.default_rng(1)
    hits = 0
    for values in rng.normal(size=(400, replicas)):
        stderr = values.std(ddof=1) / math.sqrt(replicas)
        measured = judged(claim("value", 0.0), table([values.mean()], stderr=stderr, replicas=replicas)).measured
        assert measured is not None
        hits += measured.low <= 0.0 <= measured.high
    assert 0.91 < hits / 400 < 0.98  # 1.96 standard errors: 0.81 of three replicas


def test_two_replicas_have_no_standard_error():
    bound = claim("value", 1.0, random=True)
    two = judged(bound, table([1.0], stderr=0.01, replicas=2))
    assert (two.verdict, two.measured) == ("inconclusive", None)
    assert "at least 3 replicas" in two.why
    assert judged(bound, table([1.0], stderr=0.01, replicas=3)).verdict == "supported"


def test_the_order_of_few_replicas_has_a_wider_interval():
    values = errors()
    few, many = (
        judged(claim("order", 1.0), table(values, stderr=[0.01 * v for v in values.values()], replicas=n)).measured
        for n in (4, 4000)
    )
    assert few is not None
    assert many is not None
    assert few.high - few.low > 1.3 * (many.high - many.low)
