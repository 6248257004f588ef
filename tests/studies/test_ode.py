"""The study `ode`: its measurements obey their orders, depend on nothing but the settings, and turn red when broken."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from resnet_limits import settings as keys
from resnet_limits.claims.judge import judge
from resnet_limits.errors import SettingError
from resnet_limits.networks.steps.euler import Euler
from resnet_limits.runs.records import table
from resnet_limits.settings import Iid, Init, Ode, OdeKeys, Outside, Random, Rough, Tied, Train, Two, Zero
from resnet_limits.studies import study as studies
from resnet_limits.studies.ode import averaged, forward, gradient, reversed, rough, trained, trained_paths
from resnet_limits.studies.study import FinishedJob, InMemory, Job, Measurement

STUDY = studies.get("ode")
DEPTHS = (8, 16, 32, 64, 128)
SMALL = Ode(width=4, replicas=64, ode=OdeKeys(inputs=3, paths=2), train=Train(epochs=1, replicas=2))


def measured(part, settings: Ode = SMALL, depths: Sequence[int] = DEPTHS) -> list[tuple[Ode, Measurement]]:
    """One part of the study at several depths that share their solutions."""
    shared = InMemory()
    jobs = [Job(replace(settings, depth=depth), shared) for depth in depths]
    return [(job.settings, part.measure(job)) for job in jobs]


def verdict(claim_id: str, jobs: Sequence[tuple[Ode, Measurement]]):
    import pandas as pd

    frame = pd.concat([table(s, m.records, job=keys.job_name(s)) for s, m in jobs], ignore_index=True)
    (claim,) = [c for c in STUDY.claims if c.id == claim_id]
    return judge(claim, jobs[0][0], frame, {})


# -- the claims hold ------------------------------------------------------------------------------


@pytest.mark.parametrize("block", [keys.One(), Outside(), Two(hidden=6)], ids=lambda b: b.name)
@pytest.mark.parametrize("init", [keys.Smooth(), Tied()], ids=lambda i: i.name)
def test_forward_orders_hold_for_every_block_and_smooth_law(block: keys.Block, init: Init):
    jobs = measured(forward, replace(SMALL, block=block, init=init))
    for scheme in ("euler", "heun", "rk4"):
        judgement = verdict(f"ode.forward.{scheme}", jobs)
        assert judgement.verdict == "supported", (scheme, judgement.why)


def test_weights_frozen_at_the_start_of_a_block_fall_back_to_order_one():
    jobs = measured(forward)
    assert verdict("ode.frozen.heun", jobs).verdict == "supported"
    assert verdict("ode.frozen.rk4", jobs).verdict == "supported"


@pytest.mark.parametrize("init", [keys.Smooth(), Tied()], ids=lambda i: i.name)
def test_gradients_converge_to_the_adjoint_at_the_order_of_the_scheme(init: Init):
    jobs = measured(gradient, replace(SMALL, init=init))
    for scheme in ("euler", "heun"):
        judgement = verdict(f"ode.gradient.{scheme}", jobs)
        assert judgement.verdict == "supported", judgement.why


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


def test_rebuilt_activations_have_the_orders_of_the_reversed_steps():
    jobs = measured(reversed)
    for claim in ("euler", "heun", "heun.observed"):
        judgement = verdict(f"ode.reversed.{claim}", jobs)
        assert judgement.verdict == "supported", judgement.why


def test_independent_weights_average_out_at_one_half_and_their_mean_at_one():
    jobs = measured(averaged, replace(SMALL, width=8, replicas=256))
    rms, mean = verdict("ode.averaged.rms", jobs), verdict("ode.averaged.mean", jobs)
    assert rms.verdict == "supported", rms.why
    assert mean.measured is not None
    assert mean.measured.low < 1 < mean.measured.high, mean.why


@pytest.mark.parametrize("hurst", [0.25, 0.75])
def test_rough_weights_have_order_min_of_one_and_h_plus_one_half(hurst: float):
    jobs = measured(rough, replace(SMALL, init=Rough(hurst=hurst)))
    judgement = verdict("ode.rough", jobs)
    assert judgement.expected_value == min(1, hurst + 0.5)
    assert judgement.measured is not None
    assert abs(judgement.measured.value - judgement.expected_value) < 0.15, judgement.why


def test_trained_weight_paths_converge_at_order_one_and_so_do_the_logits():
    jobs = measured(trained)
    compared = trained_paths.compare([FinishedJob(s, m.records, m.arrays.get) for s, m in jobs])
    for observable in ("weight_difference", "output_difference"):
        errors = {c.depth: c.record.value for c in compared if c.record.observable == observable}
        assert set(errors) == {8, 16, 32, 64}
        assert math.log2(errors[16] / errors[32]) == pytest.approx(1, abs=0.05)


def test_training_from_an_independent_start_would_not_pass_for_a_tied_one(monkeypatch: pytest.MonkeyPatch):
    # The planted fault: the start is drawn afresh in each layer. Weight paths must then not converge at order 1.
    monkeypatch.setattr(trained, "Tied", Iid)
    jobs = measured(trained)
    compared = trained_paths.compare([FinishedJob(s, m.records, m.arrays.get) for s, m in jobs])
    errors = {c.depth: c.record.value for c in compared if c.record.observable == "weight_difference"}
    assert abs(math.log2(errors[16] / errors[32])) < 0.5


# -- planted faults turn verdicts red -------------------------------------------------------------


def test_a_dropped_half_in_heun_is_refuted(monkeypatch: pytest.MonkeyPatch):
    from resnet_limits.networks.steps import STEPS

    monkeypatch.setattr(type(STEPS["heun"]), "advance", lambda self, field, x, h, thetas: x + h * field(x, thetas[0]))
    assert verdict("ode.forward.heun", measured(forward)).verdict == "refuted"


def test_weights_read_at_the_wrong_time_are_refuted(monkeypatch: pytest.MonkeyPatch):
    from resnet_limits.networks.steps import STEPS

    step = type(STEPS["rk4"])
    late = lambda self, depth, horizon=1.0: horizon / 2 / depth * torch.arange(2 * depth + 1).clamp(min=1)  # noqa: E731
    monkeypatch.setattr(step, "times", late)
    assert verdict("ode.forward.rk4", measured(forward)).verdict == "refuted"


def test_a_block_factor_that_is_not_one_over_the_depth_is_refuted(monkeypatch: pytest.MonkeyPatch):
    from resnet_limits.studies.ode.problem import Problem

    monkeypatch.setattr(Problem, "step_size", lambda self, depth: depth**-0.9)
    assert verdict("ode.forward.euler", measured(forward)).verdict == "refuted"


def test_a_poor_reference_is_noticed_and_its_points_are_left_out(monkeypatch: pytest.MonkeyPatch):
    from resnet_limits.studies.ode import problem

    careful = problem.solve_with_error
    monkeypatch.setattr(problem, "solve_with_error", lambda *a, tolerance: careful(*a, tolerance=1e-3))
    judgement = verdict("ode.forward.rk4", measured(forward))
    assert judgement.verdict == "inconclusive"
    assert "reference error" in judgement.why


# -- outside the theorem --------------------------------------------------------------------------


@pytest.mark.parametrize("init", [Iid(), Rough(), keys.Fractional()], ids=lambda i: i.name)
def test_claims_on_smooth_weights_say_that_the_setting_lies_outside(init: Init):
    settings = replace(SMALL, init=init)
    for part in (forward, gradient, reversed):
        assert part.measure(Job(settings)).records == []
    for claim in STUDY.claims:
        if claim.id.startswith(("ode.forward", "ode.frozen", "ode.gradient", "ode.reversed")):
            assert f"init={init.name}" in (claim.outside(settings) or "")


def test_relu_is_outside_the_claims_that_need_derivatives_and_inside_those_that_do_not():
    settings = replace(SMALL, activation="relu")
    outside = {claim.id for claim in STUDY.claims if claim.outside(settings)}
    assert "ode.forward.rk4" in outside
    assert "ode.forward.euler" not in outside
    assert verdict("ode.forward.euler", measured(forward, settings)).verdict == "supported"


def test_zero_weights_leave_no_error_to_judge():
    settings = replace(SMALL, init=Zero())
    judgement = verdict("ode.forward.euler", measured(forward, settings))
    assert judgement.verdict == "inconclusive"
    assert "init=zero" in judgement.why


def test_in_float32_points_below_rounding_are_left_out():
    judgement = verdict("ode.forward.rk4", measured(forward, replace(SMALL, dtype="float32")))
    assert judgement.verdict == "inconclusive"
    assert verdict("ode.forward.euler", measured(forward, replace(SMALL, dtype="float32"))).verdict == "supported"


# -- a job depends on its settings alone ----------------------------------------------------------


@pytest.mark.parametrize("part", [averaged, rough], ids=["averaged", "rough"])
def test_records_do_not_depend_on_how_replicas_are_chunked(part, monkeypatch: pytest.MonkeyPatch):
    whole = measured(part, depths=(8,))[0][1]
    monkeypatch.setattr(part, "CHUNK", 5)
    chunked = measured(part, depths=(8,))[0][1]
    for one, other in zip(chunked.records, whole.records, strict=True):
        # The draws are the same; a batch of products rounds with its size.
        assert one.value == pytest.approx(other.value, rel=1e-12)
        assert one.stderr == pytest.approx(other.stderr, rel=1e-11)


@pytest.mark.parametrize("part", [forward, gradient, trained], ids=["forward", "gradient", "trained"])
def test_records_do_not_depend_on_other_depths(part):
    together = measured(part, depths=(8, 16))[1][1]
    alone = measured(part, depths=(16,))[0][1]
    assert [r.value for r in together.records] == [r.value for r in alone.records]
    assert all(np.array_equal(together.arrays[name], alone.arrays[name]) for name in alone.arrays)


def test_the_shared_solution_does_not_depend_on_the_depth_that_computed_it():
    first, second = InMemory(), InMemory()
    a = forward.measure(Job(replace(SMALL, depth=8), first)), forward.measure(Job(replace(SMALL, depth=32), first))
    b = forward.measure(Job(replace(SMALL, depth=32), second)), forward.measure(Job(replace(SMALL, depth=8), second))
    assert [r.value for r in a[1].records] == [r.value for r in b[0].records]


def test_another_seed_gives_other_numbers():
    one, other = (forward.measure(Job(replace(SMALL, depth=8, seed=s))).records[0].value for s in (0, 1))
    assert one != other


# -- the table of contents ------------------------------------------------------------------------


def test_every_claim_belongs_to_one_part_and_every_observable_is_described():
    named = [claim for part in STUDY.parts.values() for claim in part]
    assert sorted(named) == sorted(claim.id for claim in STUDY.claims)
    assert {claim.observable for claim in STUDY.claims} <= set(STUDY.observables)
    job = STUDY.measure(Job(replace(SMALL, depth=8)))
    assert {r.observable for r in job.records} <= set(STUDY.observables)
    assert set(job.arrays) == set(STUDY.arrays)


def test_claims_restrict_what_is_measured():
    settings = replace(SMALL, depth=8, claims=["ode.reversed"])
    observables = {r.observable for r in STUDY.measure(Job(settings)).records}
    assert observables == {"reversed_gradient_error", "reversed_state_error"}
    assert [c.id for c in STUDY.chosen(["ode.reversed.heun"])] == ["ode.reversed.heun", "ode.reversed.heun.observed"]


def test_an_unknown_claim_and_an_empty_list_are_refused():
    with pytest.raises(SettingError, match=r"ode\.foward.*did you mean 'ode\.forward\.heun'|ode\.foward"):
        STUDY.chosen(["ode.foward.heun"])
    with pytest.raises(SettingError, match="empty list"):
        STUDY.chosen([])


def test_pinned_keys_stand_in_the_records():
    for part, claim_id in ((averaged, "ode.averaged.rms"), (rough, "ode.rough"), (trained, "ode.trained")):
        (claim,) = [c for c in STUDY.claims if c.id == claim_id]
        assert claim.pins
        for record in part.measure(Job(replace(SMALL, depth=8, replicas=4))).records:
            assert {k: record.coordinates[k] for k in claim.pins} == dict(claim.pins)


def test_too_few_training_points_for_the_inputs_are_refused():
    data = keys.Moons(train_size=2, test_size=2)
    with pytest.raises(SettingError, match=r"ode\.inputs"):
        forward.measure(Job(replace(SMALL, data=data)))


def test_euler_is_the_residual_network_itself():
    step, x = Euler(), torch.tensor([[[1.0, 2.0]]])
    assert torch.equal(step.advance(lambda x, t: t["W"] * x, x, 0.5, [{"W": torch.tensor(2.0)}]), 2 * x)
    assert isinstance(SMALL.init, Random)
