"""Standard errors are those of the scatter over seeds: of means, of deviations, of fractions of networks.

`chi^2 = sum over seeds of (value - mean)^2 / stderr^2` has the law of chi^2 with one degree of freedom less than seeds:
divided by n in place of its root, a standard error of 64 networks gives 64 times as much.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chi2

from resnet_limits.measurement.job import Job
from resnet_limits.measurement.record import Record
from resnet_limits.paths.laws.iid import IidLaw
from resnet_limits.studies.kernel.diagram import measure as diagram
from resnet_limits.studies.kernel.drift import measure as drift
from resnet_limits.studies.kernel.entries import measure as entries
from resnet_limits.studies.kernel.problem import first_points, overlaps_after_read_in, pair
from resnet_limits.studies.kernel.settings import Kernel
from tests.studies.kernel.small import SMALL

SEEDS = 40
LOW, HIGH = chi2.ppf([1e-4, 1 - 1e-4], SEEDS - 1) / (SEEDS - 1)


def scattered(records: list[Record]) -> float:
    """`chi^2` over its degrees of freedom."""
    values, errors = (np.array([getattr(record, name) for record in records]) for name in ("value", "stderr"))
    return float((((values - values.mean()) / errors) ** 2).sum() / (len(records) - 1))


def seeds(settings: Kernel) -> list[Kernel]:
    return [replace(settings, seed=seed, data=replace(settings.data, digest=None)) for seed in range(SEEDS)]


SIZES = replace(SMALL, width=16, depth=4, replicas=64, horizon=0.7, init=IidLaw(sigma_w=0.8, sigma_b=0.4))
GRAM = overlaps_after_read_in(pair(SIZES))


@pytest.mark.parametrize("of", list(diagram.WORDS_OF_CORNER_MOMENTS))
def test_of_means_of_moments(of: str):
    records = []
    for settings in seeds(SIZES):
        draws = diagram.drawn_at_width(settings, GRAM, diagram.ShallowNetwork("tanh"), 4, "calibrated", 16, 64)
        records.append(Record("q", *diagram.mean(draws[of])))
    assert LOW < scattered(records) < HIGH


def test_of_standard_deviations():
    records = []
    for settings in seeds(replace(SIZES, replicas=256)):
        draws = diagram.drawn_at_width(settings, GRAM, diagram.ShallowNetwork("tanh"), 4, "calibrated", 16, 256)
        records.append(Record("spread", *diagram.deviation_over_replicas(draws["lambda"])))
    assert LOW < scattered(records) < 1.3 * HIGH  # the error of a deviation has an error too


def test_of_tangent_kernels_of_narrow_networks():
    records = []
    gram = overlaps_after_read_in(first_points(SIZES, 2))
    for settings in seeds(replace(SIZES, replicas=8 * 64, width=8)):
        kernels = entries.ntk(settings, gram, 8)
        records.append(Record("ntk", *entries.mean(kernels[:, 0, 1])))
    assert LOW < scattered(records) < HIGH


def test_of_the_growth_of_relu_networks():
    records = []
    for settings in seeds(SIZES):
        record = next(
            r for r in drift.measure(Job(replace(settings, replicas=16))).records if r.coordinates["width"] == 16
        )
        records.append(record)
    assert LOW < scattered(records) < HIGH
