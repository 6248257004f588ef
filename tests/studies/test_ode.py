"""The study `ode`: its measurements obey their orders, depend on nothing but the settings, and turn red when broken."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from resnet_limits.claims.distance import at_common_times, sup_distance, sup_size
from resnet_limits.claims.richardson import richardson_limit
from resnet_limits.data.sources.moons import MoonsData
from resnet_limits.errors import SettingError
from resnet_limits.limits.averaged import averaged_field
from resnet_limits.limits.flow import DrivenFlow
from resnet_limits.limits.ode import solve_with_error
from resnet_limits.measurement import estimate
from resnet_limits.measurement.job import FinishedJob, InMemory, Job
from resnet_limits.measurement.record import Measurement
from resnet_limits.networks import residual
from resnet_limits.networks.blocks.block import Block
from resnet_limits.networks.blocks.one import OneBlock
from resnet_limits.networks.blocks.outside import OutsideBlock
from resnet_limits.networks.blocks.prenorm import PrenormBlock
from resnet_limits.networks.blocks.two import TwoBlock
from resnet_limits.networks.steps.euler import Euler
from resnet_limits.paths import fractional
from resnet_limits.paths.laws.fractional import FractionalLaw
from resnet_limits.paths.laws.iid import IidLaw
from resnet_limits.paths.laws.law import Init, Random
from resnet_limits.paths.laws.rough import RoughLaw
from resnet_limits.paths.laws.smooth import SmoothLaw
from resnet_limits.paths.laws.tied import TiedLaw
from resnet_limits.paths.laws.zero import ZeroLaw
from resnet_limits.settings.training import Train
from resnet_limits.studies import study as studies
from resnet_limits.studies.ode.averaged import measure as averaged
from resnet_limits.studies.ode.forward import measure as forward
from resnet_limits.studies.ode.gradient import measure as gradient
from resnet_limits.studies.ode.pairs import weights
from resnet_limits.studies.ode.problem import half_mean_square, problem
from resnet_limits.studies.ode.random_start import measure as random_start
from resnet_limits.studies.ode.reversed import measure as reversed
from resnet_limits.studies.ode.rough import measure as rough
from resnet_limits.studies.ode.settings import Ode, OdeKeys
from resnet_limits.studies.ode.trained import measure as trained
from resnet_limits.studies.ode.trained_iid import measure as trained_iid
from tests.planting import plant, resize
from tests.studies.verdicts import ladder, verdict

STUDY = studies.get("ode")
DEPTHS = (8, 16, 32, 64, 128)
SMALL = Ode(width=4, replicas=64, ode=OdeKeys(inputs=3, paths=2, draws=4), train=Train(epochs=1, replicas=2))


def measured(
    part, settings: Ode = SMALL, depths: Sequence[int] = DEPTHS, shared: InMemory | None = None
) -> list[tuple[Ode, Measurement]]:
    """One part of the study at several depths that share their solutions."""
    return ladder(part, settings, depths, shared)


# -- the claims hold ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "block", [OneBlock(), OutsideBlock(), TwoBlock(hidden=6), PrenormBlock(hidden=6)], ids=lambda b: b.name
)
@pytest.mark.parametrize("init", [SmoothLaw(), TiedLaw()], ids=lambda i: i.name)
def test_forward_orders_hold_for_every_block_and_smooth_law(block: Block, init: Init):
    jobs = measured(forward, replace(SMALL, block=block, init=init))
    for scheme in ("euler", "heun", "rk4"):
        judgement = verdict(f"ode.forward.{scheme}", jobs)
        assert judgement.verdict == "supported", (scheme, judgement.why)


def test_weights_frozen_at_the_start_of_a_block_fall_back_to_order_one():
    jobs = measured(forward)
    assert verdict("ode.frozen.heun", jobs).verdict == "supported"
    assert verdict("ode.frozen.rk4", jobs).verdict == "supported"


@pytest.mark.parametrize("init", [SmoothLaw(), TiedLaw()], ids=lambda i: i.name)
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


def test_the_density_of_the_gradient_converges_at_another_horizon():
    errors = {
        settings.depth: r.value
        for settings, measurement in measured(gradient, replace(SMALL, horizon=0.6), depths=(32, 64))
        for r in measurement.records
        if r.observable == "gradient_density_error" and r.layer == settings.depth // 2
    }
    assert errors[64] == pytest.approx(errors[32] / 4, rel=0.1)  # the last ones recorded: Heun's


def test_the_leading_error_is_that_of_the_next_order():
    jobs = measured(forward)
    judgement = verdict("ode.forward.leading", jobs)
    assert judgement.verdict == "supported", judgement.why


def test_rebuilt_activations_have_the_orders_of_the_reversed_steps():
    jobs = measured(reversed)
    for claim in ("euler", "heun"):
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
    jobs = measured(rough, replace(SMALL, init=RoughLaw(hurst=hurst)))
    judgement = verdict("ode.rough", jobs)
    assert judgement.expected_value == min(1, hurst + 0.5)
    assert judgement.measured is not None
    assert abs(judgement.measured.value - judgement.expected_value) < 0.15, judgement.why


CALIBRATED = 40
"""Seeds of a calibration: the ratio of two standard deviations is known to 1/sqrt(80), 11 %."""


def calibrated(part, observable: str, settings: Ode) -> list[float]:
    """What the ratios of many seeds are off 1, in units of their standard errors."""
    deviations = []
    for seed in range(CALIBRATED):
        records = part.measure(Job(replace(settings, seed=seed, data=MoonsData(train_size=4, test_size=2)))).records
        deviations += [(r.value - 1) / r.stderr for r in records if r.observable == observable]
    return deviations


def test_fluctuations_follow_the_central_limit_theorem_with_the_stated_error():
    # a horizon and sizes other than 1, which would hide a factor
    law = IidLaw(sigma_w=0.8, sigma_b=0.5)
    settings = replace(SMALL, depth=64, horizon=0.5, width=3, replicas=48, init=law, ode=OdeKeys(inputs=1))
    off = calibrated(averaged, "averaged_ratio", settings)
    assert np.mean(off) == pytest.approx(0, abs=3 / CALIBRATED**0.5)
    assert np.std(off) == pytest.approx(1, abs=0.35)


def test_sums_of_rough_paths_follow_their_covariance_with_the_stated_error(monkeypatch: pytest.MonkeyPatch):
    resize(monkeypatch, fractional, GRID=64)  # cells of the path: the law is exact on any grid
    law = RoughLaw(hurst=0.4, sigma_b=0.5)
    settings = replace(SMALL, depth=16, horizon=0.7, width=1, replicas=48, init=law, ode=OdeKeys(inputs=1))
    off = calibrated(rough, "rough_ratio", settings)
    assert np.mean(off) == pytest.approx(0, abs=3 / CALIBRATED**0.5)
    assert np.std(off) == pytest.approx(1, abs=0.35)


def test_standard_errors_are_the_scatter_over_draws():
    generator = torch.Generator().manual_seed(0)
    for estimator in (random_start.fluctuation, lambda x: estimate.size_of_the_mean(torch.ones(2, 3).double(), x)):
        draws = [torch.randn(40, 2, 3, generator=generator, dtype=torch.float64) for _ in range(300)]
        values, errors = np.array([estimator(x) for x in draws]).T
        assert np.sqrt(np.mean(errors**2)) == pytest.approx(np.std(values), rel=0.15)


def test_the_first_step_of_training_is_proportional_to_the_horizon():
    # from V = 0 the network is its read-in and read-out: dJ/dV is T/L times what no horizon changes
    moved = []
    for horizon in (1.0, 0.5):
        settings = replace(SMALL, depth=8, horizon=horizon, train=Train(epochs=1, batch_size=1400, replicas=2))
        moved.append(trained.measure(Job(settings)).arrays["trained.V"])
    assert np.abs(moved[0] - 2 * moved[1]).max() < 1e-12 * np.abs(moved[0]).max()


def finished(part, settings: Ode = SMALL, depths: Sequence[int] = DEPTHS) -> list[FinishedJob]:
    return [FinishedJob(s, m.records, m.arrays.get) for s, m in measured(part, settings, depths)]


def compared(jobs: Sequence[FinishedJob]) -> dict[str, dict[int, float]]:
    """Value by observable and depth."""
    differences: dict[str, dict[int, float]] = {}
    for comparison in STUDY.compare(jobs):
        differences.setdefault(comparison.record.observable, {})[comparison.depth] = comparison.record.value
    return differences


def test_trained_weight_paths_converge_at_order_one_and_so_do_the_logits():
    errors = compared(finished(trained))
    for observable in ("weight_difference", "output_difference"):
        assert set(errors[observable]) == {8, 16, 32, 64}
        assert math.log2(errors[observable][32] / errors[observable][64]) == pytest.approx(1, abs=0.05)


def test_the_richardson_limit_agrees_with_training_by_rk4_blocks():
    # An independent limit: blocks of order 4 in the state, weights frozen at midpoints, so of order 2 in the depth.
    from resnet_limits.networks.classifier import cross_entropy, initial, logits
    from resnet_limits.networks.steps import STEPS, frozen
    from resnet_limits.studies.ode.networks import data_of, drawn, two_matrix_field
    from resnet_limits.training.loop import mini_batches

    settings, depth = replace(SMALL, depth=32), 32
    dataset, replicas = data_of(settings), settings.train.replicas
    trunk = drawn(settings, TiedLaw(), settings.width, depth=depth, replicas=replicas, purpose="trained")
    parameters = initial(
        dataset.features, settings.width, dataset.classes, trunk, replicas=replicas, seed=settings.seed
    )
    for parameter in parameters.values():
        parameter.requires_grad_()
    vector_field, step = two_matrix_field(settings, settings.width), frozen(STEPS["rk4"], "midpoint")
    for batch in mini_batches(len(dataset.x_train), settings.train.batch_size, 0, seed=settings.seed):
        scores = logits(vector_field, step, parameters, dataset.x_train[batch], 1 / depth, through=residual.forward)
        loss = cross_entropy(scores, dataset.y_train[batch]).sum()
        gradients = torch.autograd.grad(loss, list(parameters.values()))
        with torch.no_grad():
            for (name, parameter), gradient in zip(parameters.items(), gradients, strict=True):
                parameter -= settings.train.lr * (depth if name.startswith("trunk.") else 1) * gradient

    jobs = finished(trained)
    paths = [at_common_times(weights(job, "trained"), 8) for job in jobs]
    limit, difference = richardson_limit(paths)
    midpoints = np.concatenate(
        [parameters[f"trunk.{n}"].detach().numpy().reshape(replicas, depth, -1) for n in ("V", "W", "b")], axis=2
    )
    inner = np.arange(4, 32, 4)  # the times 1/8, ..., 7/8 lie between two midpoints each
    independent = (midpoints[:, inner - 1] + midpoints[:, inner]) / 2
    first_order = sup_distance(paths[-1][:, 1:], limit[:, 1:])
    assert sup_size(difference) < 0.02 * first_order
    assert sup_distance(independent, limit[:, 1:]) < 0.05 * first_order


def test_the_control_from_an_independent_start_does_not_converge():
    jobs = finished(trained_iid)
    apart = compared(jobs)["step_difference"]
    assert math.log2(apart[32] / apart[64]) == pytest.approx(0, abs=0.15)  # of a few entries
    increments = [r.value for job in jobs for r in job.records if r.observable == "movement_increment"]
    assert increments == pytest.approx([2**0.5] * len(DEPTHS), abs=0.1)  # as of independent layers


def test_what_training_adds_to_a_tied_start_is_smooth():
    jobs = finished(trained)
    increments = [r.value for job in jobs for r in job.records if r.observable == "movement_increment"]
    assert math.log2(increments[-2] / increments[-1]) == pytest.approx(1, abs=0.05)


def test_an_independent_start_would_not_pass_for_a_tied_one(monkeypatch: pytest.MonkeyPatch):
    plant(monkeypatch, TiedLaw, IidLaw, within="resnet_limits.studies")  # the planted fault
    jobs = measured(trained)
    increments = [r.value for _, m in jobs for r in m.records if r.observable == "largest_increment" and r.step is None]
    assert increments[-1] > 0.5 * increments[0]


def test_a_trained_network_is_at_distance_one_over_depth_of_the_ode_of_its_own_weights():
    errors = {s.depth: r for s, m in measured(trained) for r in m.records if r.observable == "interpolated_error"}
    assert math.log2(errors[64].value / errors[128].value) == pytest.approx(1, abs=0.05)
    assert errors[128].reference_error < 0.01 * errors[128].value


def test_interpolated_weights_are_read_where_rk4_reads_them():
    weights = torch.tensor([[[1.0], [3.0], [7.0]]], dtype=torch.float64)
    read = trained.interpolated(weights, 1)[0, :, 0].tolist()
    assert read == [1, 2, 3, 5, 7, 9, 11]
    assert trained.interpolated(weights[:, :1], 2).shape == (1, 5, 1)


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


# -- planted faults turn verdicts red -------------------------------------------------------------


def test_a_heun_block_without_its_second_stage_is_refuted(monkeypatch: pytest.MonkeyPatch):
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
    monkeypatch.setattr(DrivenFlow, "step_size", lambda self, depth: depth**-0.9)
    assert verdict("ode.forward.euler", measured(forward)).verdict == "refuted"


def test_gradients_of_another_loss_are_refuted(monkeypatch: pytest.MonkeyPatch):
    careful = half_mean_square
    shared = InMemory()
    measured(gradient, depths=(8,), shared=shared)  # the limit is found before the fault
    plant(monkeypatch, half_mean_square, lambda x: tuple(1.01 * y for y in careful(x)))
    assert verdict("ode.gradient.heun", measured(gradient, shared=shared)).verdict == "refuted"


def test_activations_rebuilt_with_the_weights_in_the_wrong_sequence_are_refuted(monkeypatch: pytest.MonkeyPatch):
    from resnet_limits.networks.steps import STEPS

    step = type(STEPS["heun"])
    monkeypatch.setattr(step, "reverse", lambda self, field, x, h, thetas: self.advance(field, x, -h, thetas))
    assert verdict("ode.reversed.heun", measured(reversed)).verdict == "refuted"


def test_an_average_over_the_wrong_law_is_not_supported(monkeypatch: pytest.MonkeyPatch):
    wrong = lambda block, phi, *, sigma_w, sigma_b: averaged_field(block, phi, sigma_w=1.1 * sigma_w, sigma_b=sigma_b)  # noqa: E731
    plant(monkeypatch, averaged_field, wrong)
    assert verdict("ode.averaged.mean", measured(averaged)).verdict != "supported"


def test_smooth_weights_in_place_of_rough_ones_are_refuted(monkeypatch: pytest.MonkeyPatch):
    plant(monkeypatch, problem, lambda s, **given: problem(s, **{**given, "init": SmoothLaw()}))
    assert verdict("ode.rough", measured(rough, replace(SMALL, replicas=256))).verdict == "refuted"


def test_a_poor_reference_is_noticed_and_its_points_are_left_out(monkeypatch: pytest.MonkeyPatch):
    plant(monkeypatch, solve_with_error, lambda *a, tolerance: solve_with_error(*a, tolerance=1e-3))
    judgement = verdict("ode.forward.rk4", measured(forward))
    assert judgement.verdict == "inconclusive"
    assert "reference error" in judgement.why


# -- outside the theorem --------------------------------------------------------------------------


@pytest.mark.parametrize("init", [IidLaw(), RoughLaw(), FractionalLaw()], ids=lambda i: i.name)
def test_claims_on_smooth_weights_say_that_the_setting_lies_outside(init: Init):
    settings = replace(SMALL, init=init)
    for part in (forward, gradient, reversed):
        assert part.measure(Job(settings)).records == []
    for claim in STUDY.claims:
        if claim.id.startswith(("ode.forward", "ode.frozen", "ode.gradient", "ode.reversed")):
            assert f"init={init.name}" in (claim.outside(settings) or "")


def test_a_field_that_jumps_is_outside_the_claims_on_smooth_ones():
    claims = {claim.id: claim for claim in STUDY.claims}
    on_a_line, in_the_plane = (replace(SMALL, block=PrenormBlock(), width=width) for width in (1, 2))
    for claim in ("ode.forward.heun", "ode.gradient.euler", "ode.reversed.euler"):
        assert "the sign of x" in str(claims[claim].outside(on_a_line))
        assert claims[claim].outside(in_the_plane) is None


def test_relu_is_outside_the_claims_that_need_derivatives_and_inside_those_that_do_not():
    settings = replace(SMALL, activation="relu")
    outside = {claim.id for claim in STUDY.claims if claim.outside(settings)}
    assert "ode.forward.rk4" in outside
    assert "ode.forward.euler" not in outside
    assert verdict("ode.forward.euler", measured(forward, settings)).verdict == "supported"


@pytest.mark.parametrize("init", [ZeroLaw(), SmoothLaw(sigma_w=0.0, sigma_b=0.0)], ids=lambda i: i.name)
def test_zero_weights_leave_no_error_to_judge(init: Init):
    settings = replace(SMALL, init=init, block=TwoBlock(hidden=4))
    for part, claim in ((forward, "forward.euler"), (gradient, "gradient.euler"), (reversed, "reversed.heun")):
        judgement = verdict(f"ode.{claim}", measured(part, settings, depths=(4, 8)))
        assert judgement.verdict == "inconclusive"
        assert "all weights are zero" in judgement.why


def test_a_tied_start_of_size_zero_moves_nothing_and_breaks_nothing():
    settings = replace(SMALL, init=SmoothLaw(sigma_w=0.0, sigma_b=0.0))
    differences = compared(finished(trained, settings, depths=(4, 8, 16)))["weight_difference"]
    assert all(math.isnan(value) for value in differences.values())


def test_rates_that_freeze_the_layers_lie_outside_the_theorem():
    (claim,) = [c for c in STUDY.claims if c.id == "ode.trained"]
    assert "train.lr_exponent=0" in (claim.outside(replace(SMALL, train=Train(lr_exponent=0.0))) or "")
    assert claim.outside(replace(SMALL, train=Train(lr_exponent=1.0))) is None
    assert claim.outside(SMALL) is None


@pytest.mark.parametrize(("rate", "reason"), [(1e-9, "hardly moved the weights"), (1e5, "did not lower the loss")])
def test_networks_that_were_not_trained_give_no_verdict(rate: float, reason: str):
    settings = replace(SMALL, train=Train(epochs=1, replicas=2, lr=rate))
    for part, claim in ((trained, "ode.trained"), (trained_iid, "ode.trained_iid.increments")):
        judgement = verdict(claim, measured(part, settings))
        assert judgement.verdict == "inconclusive"
        assert reason in judgement.why


def test_one_replica_gives_no_verdict_on_a_random_quantity():
    jobs = measured(averaged, replace(SMALL, replicas=1))
    for claim in ("rms", "mean"):
        judgement = verdict(f"ode.averaged.{claim}", jobs)
        assert judgement.verdict == "inconclusive"
        assert "at least 3 replicas" in judgement.why


def test_the_hurst_index_of_the_setting_is_that_of_the_rough_path():
    assert rough.rough_law(replace(SMALL, init=FractionalLaw(hurst=0.4))).hurst == 0.4
    assert rough.rough_law(replace(SMALL, init=RoughLaw(hurst=0.6, sigma_w=2.0))).sigma_w == 2.0


def test_in_float32_points_below_rounding_are_left_out():
    judgement = verdict("ode.forward.rk4", measured(forward, replace(SMALL, dtype="float32")))
    assert judgement.verdict == "inconclusive"
    assert verdict("ode.forward.euler", measured(forward, replace(SMALL, dtype="float32"))).verdict == "supported"


# -- a job depends on its settings alone ----------------------------------------------------------


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
    assert [c.id for c in STUDY.chosen(["ode.frozen"])] == ["ode.frozen.heun", "ode.frozen.rk4"]


def test_an_unknown_claim_and_an_empty_list_are_refused():
    with pytest.raises(SettingError, match=r"ode\.foward.*did you mean 'ode\.forward\.heun'|ode\.foward"):
        STUDY.chosen(["ode.foward.heun"])
    with pytest.raises(SettingError, match="empty list"):
        STUDY.chosen([])


def test_pinned_keys_stand_in_the_records():
    for part, claim_id in ((averaged, "ode.averaged.rms"), (rough, "ode.rough"), (trained, "ode.trained")):
        (claim,) = [c for c in STUDY.claims if c.id == claim_id]
        assert claim.pins
        records = part.measure(Job(replace(SMALL, depth=8, replicas=4))).records
        others = {c.observable for c in STUDY.claims if c.pins != claim.pins}
        alike = [record for record in records if record.observable not in others]
        assert alike
        for record in alike:
            assert {k: record.coordinates[k] for k in claim.pins} == dict(claim.pins)


def test_too_few_training_points_for_the_inputs_are_refused():
    data = MoonsData(train_size=2, test_size=2)
    with pytest.raises(SettingError, match=r"ode\.inputs"):
        forward.measure(Job(replace(SMALL, data=data)))


def test_euler_is_the_residual_network_itself():
    step, x = Euler(), torch.tensor([[[1.0, 2.0]]])
    assert torch.equal(step.advance(lambda x, t: t["W"] * x, x, 0.5, [{"W": torch.tensor(2.0)}]), 2 * x)
    assert isinstance(SMALL.init, Random)
