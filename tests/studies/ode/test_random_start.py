"""`ode.random_start`: outputs from a random start converge, from a tied one they keep the draw."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from resnet_limits.measurement import estimate
from resnet_limits.paths.laws.iid import IidLaw
from resnet_limits.paths.laws.tied import TiedLaw
from resnet_limits.settings.training import Train
from resnet_limits.studies.ode.random_start import measure as random_start
from resnet_limits.studies.ode.settings import OdeKeys
from tests.planting import plant
from tests.studies.ode.small import DEPTHS, SMALL, STUDY, measured


def test_standard_errors_are_the_scatter_over_draws():
    generator = torch.Generator().manual_seed(0)
    for estimator in (random_start.fluctuation, lambda x: estimate.size_of_the_mean(torch.ones(2, 3).double(), x)):
        draws = [torch.randn(40, 2, 3, generator=generator, dtype=torch.float64) for _ in range(300)]
        values, errors = np.array([estimator(x) for x in draws]).T
        assert np.sqrt(np.mean(errors**2)) == pytest.approx(np.std(values), rel=0.15)


def test_outputs_from_a_random_start_converge_and_from_a_tied_start_keep_the_draw():
    settings = replace(SMALL, ode=OdeKeys(draws=24), train=Train(epochs=1))
    jobs = measured(random_start, settings)
    values = {o: [r.value for _, m in jobs for r in m.records if r.observable == o] for o in STUDY.observables}
    depths = np.log2(DEPTHS)
    for observable, order, tolerance in (
        ("random_start_fluctuation", 0.5, 0.1),
        ("random_start_mean", 1.0, 0.2),
        ("tied_start_fluctuation", 0.0, 0.02),
    ):
        slope = -np.polyfit(depths, np.log2(values[observable]), 1)[0]
        assert slope == pytest.approx(order, abs=tolerance), observable


def test_coupled_networks_share_out_the_layers_of_the_deeper_one(monkeypatch: pytest.MonkeyPatch):
    # With one weight for all layers the three networks differ by the step alone: no draw can tell them apart.
    plant(monkeypatch, IidLaw, TiedLaw, within="resnet_limits.studies")
    ((_, measurement),) = measured(random_start, replace(SMALL, ode=OdeKeys(draws=8)), depths=(64,))
    values = {r.observable: r.value for r in measurement.records}
    assert values["random_start_mean"] < 0.02 * values["random_start_fluctuation"]
