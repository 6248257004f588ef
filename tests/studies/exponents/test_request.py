"""What the study refuses, and what exploded networks leave: sentences and numbers, never a NaN in a table."""

from __future__ import annotations

import math

import pytest

from resnet_limits.errors import SettingError
from resnet_limits.measurement.job import Job
from resnet_limits.measurement.record import WHY
from resnet_limits.paths.laws.fractional import FractionalLaw
from resnet_limits.paths.laws.matrix_normal import MatrixNormalLaw
from resnet_limits.settings.checks import check_values
from resnet_limits.studies.exponents.frontier import measure as frontier
from resnet_limits.studies.exponents.outside import without_exact_growth
from resnet_limits.studies.exponents.ratio import measure as ratio
from resnet_limits.studies.exponents.request import check
from resnet_limits.studies.exponents.settings import ExponentsKeys, ScalingKeys
from tests.studies.exponents.small import named, small


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"scaling": ScalingKeys(beta=[-0.1])}, "scaling.beta: expected at least 0 and at most 4, got -0.1"),
        ({"scaling": ScalingKeys(beta=[0.5, 4.1])}, "got 4.1"),
        ({"scaling": ScalingKeys(beta=[math.nan])}, "scaling.beta: expected finite numbers"),
        ({"init": FractionalLaw(hurst=1.0)}, "init.hurst: expected above 0 and below 1, got 1.0"),
        ({"init": FractionalLaw(hurst=0.0)}, "init.hurst"),
        ({"exponents": ExponentsKeys(networks=2)}, "exponents.networks: expected at least 4"),
    ],
)
def test_values_out_of_range_are_refused(keys, words):
    with pytest.raises(SettingError) as refusal:
        check_values(small(**keys))
    assert words in str(refusal.value)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"scaling": ScalingKeys(beta=[])}, "one or more different numbers"),
        ({"scaling": ScalingKeys(beta=[0.5, 0.5])}, "one or more different numbers"),
        ({"exponents": ExponentsKeys(inputs=9)}, "take exponents.inputs=8"),
        ({"exponents": ExponentsKeys(inputs=4, lowest=1.0, highest=0.5)}, "the search ends at exponents.highest=0.5"),
        ({"init": MatrixNormalLaw()}, "draws no path"),
    ],
)
def test_requests_that_cannot_be_run_are_refused(keys, words):
    with pytest.raises(SettingError) as refusal:
        check(small(**keys))
    assert words in str(refusal.value)


def test_exploded_networks_are_counted_and_leave_no_infinity():
    measurement = ratio.measure(Job(small(depth=3000, width=4, replicas=8, scaling=ScalingKeys(beta=[0.0, 0.5]))))
    exploded = [r.value for r in measurement.records if r.observable == "exploded"]
    assert exploded[0] > 0
    assert exploded[1] == 0
    for record in measurement.records:
        assert math.isfinite(record.value) or "exploded beyond floating point" in record.coordinates[WHY]
        assert not math.isinf(record.stderr)


def test_an_activation_outside_the_exact_law_is_said():
    assert "activation=gelu: the exact law needs relu" in (without_exact_growth(small(activation="gelu")) or "")
    records = ratio.measure(Job(small(depth=4, activation="gelu", replicas=4))).records
    assert not [r for r in records if r.observable.endswith("_to_exact")]


def test_the_map_lies_at_the_first_order_sum():
    keys = ExponentsKeys(inputs=8, networks=16)
    settings = small(depth=256, width=16, init=FractionalLaw(sigma_b=0.0, hurst=0.7), exponents=keys)
    measurement = frontier.measure(Job(settings))
    record = named(measurement.records, "frontier_error")
    assert abs(record.value) < 0.02 + 2 * record.stderr
    assert measurement.arrays["frontier.critical"].tolist() == pytest.approx([0.7])
    assert len(measurement.arrays["frontier.betas"]) == 10


def test_a_map_that_misses_the_level_says_so():
    keys = ExponentsKeys(inputs=4, networks=4, lowest=2.0, highest=3.0)
    record = named(frontier.measure(Job(small(exponents=keys))).records, "frontier_error")
    assert "no beta from 2 to 3" in record.coordinates[WHY]
