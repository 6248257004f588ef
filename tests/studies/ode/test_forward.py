"""`ode.forward|frozen`: networks approach the flow at the order of their steps, and faults turn them red."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from resnet_limits.data.sources.moons import MoonsData
from resnet_limits.errors import SettingError
from resnet_limits.limits.flow import DrivenFlow
from resnet_limits.limits.ode import solve_with_error
from resnet_limits.measurement.job import InMemory, Job
from resnet_limits.networks.blocks.block import Block
from resnet_limits.networks.blocks.one import OneBlock
from resnet_limits.networks.blocks.outside import OutsideBlock
from resnet_limits.networks.blocks.prenorm import PrenormBlock
from resnet_limits.networks.blocks.two import TwoBlock
from resnet_limits.networks.steps.euler import Euler
from resnet_limits.paths.laws.law import Init, Random
from resnet_limits.paths.laws.smooth import SmoothLaw
from resnet_limits.paths.laws.tied import TiedLaw
from resnet_limits.paths.laws.zero import ZeroLaw
from resnet_limits.studies.ode.forward import measure as forward
from resnet_limits.studies.ode.gradient import measure as gradient
from resnet_limits.studies.ode.reversed import measure as reversed
from tests.planting import plant
from tests.studies.ode.small import SMALL, measured
from tests.studies.verdicts import verdict


@pytest.mark.slow
@pytest.mark.parametrize(
    "block", [OneBlock(), OutsideBlock(), TwoBlock(hidden=6), PrenormBlock(hidden=6)], ids=lambda b: b.name
)
@pytest.mark.parametrize("init", [SmoothLaw(), TiedLaw()], ids=lambda i: i.name)
def test_forward_orders_hold_for_every_block_and_smooth_law(block: Block, init: Init):
    jobs = measured(forward, replace(SMALL, block=block, init=init))
    for scheme in ("euler", "heun", "rk4"):
        judgement = verdict(f"ode.forward.{scheme}", jobs)
        assert judgement.verdict == "supported", (scheme, judgement.why)


@pytest.mark.slow
def test_weights_frozen_at_the_start_of_a_block_fall_back_to_order_one():
    jobs = measured(forward)
    assert verdict("ode.frozen.heun", jobs).verdict == "supported"
    assert verdict("ode.frozen.rk4", jobs).verdict == "supported"


def test_the_leading_error_is_that_of_the_next_order():
    jobs = measured(forward)
    judgement = verdict("ode.forward.leading", jobs)
    assert judgement.verdict == "supported", judgement.why


@pytest.mark.slow
def test_a_heun_block_without_its_second_stage_is_refuted(monkeypatch: pytest.MonkeyPatch):
    from resnet_limits.networks.steps import STEPS

    monkeypatch.setattr(type(STEPS["heun"]), "advance", lambda self, field, x, h, thetas: x + h * field(x, thetas[0]))
    assert verdict("ode.forward.heun", measured(forward)).verdict == "refuted"


@pytest.mark.slow
def test_weights_read_at_the_wrong_time_are_refuted(monkeypatch: pytest.MonkeyPatch):
    from resnet_limits.networks.steps import STEPS

    step = type(STEPS["rk4"])
    late = lambda self, depth, horizon=1.0: horizon / 2 / depth * torch.arange(2 * depth + 1).clamp(min=1)  # noqa: E731
    monkeypatch.setattr(step, "times", late)
    assert verdict("ode.forward.rk4", measured(forward)).verdict == "refuted"


@pytest.mark.slow
def test_a_block_factor_that_is_not_one_over_the_depth_is_refuted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(DrivenFlow, "step_size", lambda self, depth: depth**-0.9)
    assert verdict("ode.forward.euler", measured(forward)).verdict == "refuted"


def test_a_poor_reference_is_noticed_and_its_points_are_left_out(monkeypatch: pytest.MonkeyPatch):
    plant(monkeypatch, solve_with_error, lambda *a, tolerance: solve_with_error(*a, tolerance=1e-3))
    judgement = verdict("ode.forward.rk4", measured(forward))
    assert judgement.verdict == "inconclusive"
    assert "reference error" in judgement.why


@pytest.mark.parametrize("init", [ZeroLaw(), SmoothLaw(sigma_w=0.0, sigma_b=0.0)], ids=lambda i: i.name)
def test_zero_weights_leave_no_error_to_judge(init: Init):
    settings = replace(SMALL, init=init, block=TwoBlock(hidden=4))
    for part, claim in ((forward, "forward.euler"), (gradient, "gradient.euler"), (reversed, "reversed.heun")):
        judgement = verdict(f"ode.{claim}", measured(part, settings, depths=(4, 8)))
        assert judgement.verdict == "inconclusive"
        assert "all weights are zero" in judgement.why


@pytest.mark.slow
def test_in_float32_points_below_rounding_are_left_out():
    judgement = verdict("ode.forward.rk4", measured(forward, replace(SMALL, dtype="float32")))
    assert judgement.verdict == "inconclusive"
    assert verdict("ode.forward.euler", measured(forward, replace(SMALL, dtype="float32"))).verdict == "supported"


@pytest.mark.slow
def test_the_shared_solution_does_not_depend_on_the_depth_that_computed_it():
    first, second = InMemory(), InMemory()
    a = forward.measure(Job(replace(SMALL, depth=8), first)), forward.measure(Job(replace(SMALL, depth=32), first))
    b = forward.measure(Job(replace(SMALL, depth=32), second)), forward.measure(Job(replace(SMALL, depth=8), second))
    assert [r.value for r in a[1].records] == [r.value for r in b[0].records]


@pytest.mark.slow
def test_another_seed_gives_other_numbers():
    one, other = (forward.measure(Job(replace(SMALL, depth=8, seed=s))).records[0].value for s in (0, 1))
    assert one != other


def test_too_few_training_points_for_the_inputs_are_refused():
    data = MoonsData(train_size=2, test_size=2)
    with pytest.raises(SettingError, match=r"ode\.inputs"):
        forward.measure(Job(replace(SMALL, data=data)))


def test_euler_is_the_residual_network_itself():
    step, x = Euler(), torch.tensor([[[1.0, 2.0]]])
    assert torch.equal(step.advance(lambda x, t: t["W"] * x, x, 0.5, [{"W": torch.tensor(2.0)}]), 2 * x)
    assert isinstance(SMALL.init, Random)
