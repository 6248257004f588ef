"""`ode.gradient|reversed`: gradients approach the adjoint, and activations are rebuilt at the order of the steps."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from resnet_limits.measurement.job import InMemory
from resnet_limits.paths.laws.law import Init
from resnet_limits.paths.laws.smooth import SmoothLaw
from resnet_limits.paths.laws.tied import TiedLaw
from resnet_limits.studies.ode.gradient import measure as gradient
from resnet_limits.studies.ode.problem import half_square_with_gradient
from resnet_limits.studies.ode.reversed import measure as reversed
from tests.planting import plant
from tests.studies.ode.small import SMALL, measured
from tests.studies.verdicts import verdict


@pytest.mark.parametrize("init", [SmoothLaw(), TiedLaw()], ids=lambda i: i.name)
def test_gradients_converge_to_the_adjoint_at_the_order_of_the_scheme(init: Init):
    jobs = measured(gradient, replace(SMALL, init=init))
    for scheme in ("euler", "heun"):
        judgement = verdict(f"ode.gradient.{scheme}", jobs)
        assert judgement.verdict == "supported", judgement.why


@pytest.mark.slow
def test_the_density_of_the_gradient_converges_inside_at_the_order_of_the_scheme():
    errors: dict[tuple[str, int, int], float] = {}
    for settings, measurement in measured(gradient, depths=(32, 64)):
        for r in measurement.records:
            if r.observable == "gradient_density_error":
                assert r.layer is not None
                errors[r.coordinates["scheme"], 4 * r.layer // settings.depth, settings.depth] = r.value
    for scheme, order in (("euler", 1), ("heun", 2)):
        for quarter in (1, 2, 3):
            slope = math.log2(errors[scheme, quarter, 32] / errors[scheme, quarter, 64])
            assert slope == pytest.approx(order, abs=0.1)


@pytest.mark.slow
def test_the_density_of_the_gradient_converges_at_another_horizon():
    errors = {
        settings.depth: r.value
        for settings, measurement in measured(gradient, replace(SMALL, horizon=0.6), depths=(32, 64))
        for r in measurement.records
        if r.observable == "gradient_density_error" and r.layer == settings.depth // 2
    }
    assert errors[64] == pytest.approx(errors[32] / 4, rel=0.1)  # the last ones recorded: Heun's


def test_rebuilt_activations_have_the_orders_of_the_reversed_steps():
    jobs = measured(reversed)
    for claim in ("euler", "heun"):
        judgement = verdict(f"ode.reversed.{claim}", jobs)
        assert judgement.verdict == "supported", judgement.why


@pytest.mark.slow
def test_gradients_of_another_loss_are_refuted(monkeypatch: pytest.MonkeyPatch):
    careful = half_square_with_gradient
    shared = InMemory()
    measured(gradient, depths=(8,), shared=shared)  # the limit is found before the fault
    plant(monkeypatch, half_square_with_gradient, lambda x: tuple(1.01 * y for y in careful(x)))
    assert verdict("ode.gradient.heun", measured(gradient, shared=shared)).verdict == "refuted"


def test_activations_rebuilt_with_the_weights_in_the_wrong_sequence_are_refuted(monkeypatch: pytest.MonkeyPatch):
    from resnet_limits.networks.steps import STEPS

    step = type(STEPS["heun"])
    monkeypatch.setattr(step, "reverse", lambda self, field, x, h, thetas: self.advance(field, x, -h, thetas))
    assert verdict("ode.reversed.heun", measured(reversed)).verdict == "refuted"
