"""`sde.weak.*`: expectations are those of full matrices and tend to the exact ones; red where broken.

Deviations are below 5 standard errors: an error probability of 6e-7 each, with fixed seeds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from resnet_limits.claims.claim import Judgement
from resnet_limits.engines import default_engine
from resnet_limits.measurement.estimate import mean
from resnet_limits.measurement.job import FinishedJob, Job
from resnet_limits.measurement.record import Record
from resnet_limits.paths.laws.iid import IidLaw
from resnet_limits.random import Stream
from resnet_limits.sampling.expectations import moments
from resnet_limits.sampling.layer_law import Isotropic
from resnet_limits.sampling.martingale import Martingale, gradients_of_mean, state_moments
from resnet_limits.sampling.schemes import ShallowNetwork
from resnet_limits.sampling.walk import Walker
from resnet_limits.studies.sde.finite_depth import overlaps
from resnet_limits.studies.sde.problem import inputs
from resnet_limits.studies.sde.settings import Sde
from resnet_limits.studies.sde.weak import compare as multilevel
from resnet_limits.studies.sde.weak import measure as weak
from resnet_limits.studies.sde.weak.claims import GROUP
from resnet_limits.studies.sde.weak.expansion import WeakExpansion
from tests.planting import plant, plant_method, resize
from tests.studies.sde import faults
from tests.studies.verdicts import verdicts as of_the_part

SMALL = Sde(width=8, replicas=128)
DEPTHS = (16, 32, 64, 128)
ACTIVATIONS = {"tanh": torch.tanh, "swish": torch.nn.functional.silu}


def verdicts(settings: Sde = SMALL, depths: Sequence[int] = DEPTHS) -> dict[str, Judgement]:
    """The judgement on every claim, with the multilevel sums."""
    return of_the_part("weak", settings, depths, multilevel)


def record_of(records: Sequence[Record], observable: str, scheme: str, estimator: str | None = None) -> Record:
    (record,) = [
        r
        for r in records
        if (r.observable, r.coordinates["scheme"], r.coordinates.get("estimator")) == (observable, scheme, estimator)
    ]
    return record


def deviation(ours: Record, other: tuple[float, float]) -> float:
    """Difference of two estimates in standard errors."""
    return abs(ours.value - other[0]) / math.hypot(ours.stderr, other[1])


# -- the claims hold ------------------------------------------------------------------------------


def test_every_claim_is_supported():
    judged = verdicts(replace(SMALL, replicas=256))
    for claim in GROUP.claims:
        judgement = judged[claim.id]
        if claim.verdicts["smoke"] == "supported":
            assert judgement.verdict == "supported", (claim.id, judgement.why)
        else:  # its interval takes the full size
            assert judgement.measured is not None, (claim.id, judgement.why)
            assert judgement.verdict != "refuted", (claim.id, judgement.why)


@pytest.mark.slow
def test_claims_hold_without_the_exact_limit_too():
    settings = replace(SMALL, replicas=256, activation="swish", init=IidLaw(sigma_w=0.5, sigma_b=0.8))
    judged = verdicts(settings, DEPTHS)
    for claim in ("sde.weak.norm", "sde.weak.mean", "sde.weak.noise", "sde.weak.noise.overlap"):
        assert judged[claim].verdict == "supported", (claim, judged[claim].why)
    assert "activation=swish" in judged["sde.weak.norm.limit"].why


@pytest.mark.parametrize("phi", ["tanh", "swish"])
def test_expectations_are_those_of_networks_with_full_matrices(phi: str):
    depth, r, d = 6, 20000, 4
    settings = Sde(width=d, replicas=1024, depth=depth // 2, activation=phi, init=IidLaw(sigma_w=1.2, sigma_b=0.7))
    records = weak.measure(Job(settings)).records
    x, h = inputs(settings).expand(r, 2, d), settings.horizon / depth
    stream = torch.Generator().manual_seed(1)
    for _ in range(depth):
        W, b = (torch.randn(r, *shape, d, generator=stream, dtype=x.dtype) for shape in ((d,), (1,)))
        x = x + ACTIVATIONS[phi](1.2 * math.sqrt(h / d) * torch.bmm(x, W) + 0.7 * math.sqrt(h) * b)
    values = {"norm": x.square().mean(dim=(1, 2)), "overlap": (x[:, 0] * x[:, 1]).mean(dim=-1)}
    if phi == "swish":
        values["mean"] = x[:, 0].mean(dim=-1)
    for scheme, sample in values.items():
        ours = record_of(records, "weak_mean", scheme)
        assert deviation(ours, mean(sample)) < 5
        alone = record_of(records, "weak_variance", scheme, "one depth")
        assert deviation(alone, weak.variance(sample)) < 5


def test_the_limit_is_that_of_the_overlap_in_closed_form():
    # d<x, y>/D = (sigma_b^2 + sigma_w^2 <x, y>/D) dt by Ito's formula; here by a fine Euler method.
    settings = Sde(width=8, replicas=64, depth=4, horizon=1.5, init=IidLaw(sigma_w=0.7, sigma_b=0.3))
    settings.sde.norm, settings.sde.correlation = 2.0, -0.3
    records = weak.measure(Job(settings)).records
    for scheme, start in (("norm", 2.0), ("overlap", -0.6)):
        value, steps = start, 20000
        for _ in range(steps):
            value += 1.5 / steps * (0.09 + 0.49 * value)
        assert record_of(records, "weak_error", scheme).reference == pytest.approx(value, rel=1e-3)


@pytest.mark.parametrize(("horizon", "norm"), [(1.0, 1.0), (0.7, 2.0)])
def test_the_constant_at_infinite_width_is_the_formula_of_the_mean_square(horizon: float, norm: float):
    # L (q_L - q_T) -> -T^2 e^{kT} [k v_0/2 + 2 v_0^2 (e^{kT} - 1)/(kT)],  v_0 = sigma_b^2 + k q_0
    k, T = 0.36, horizon
    v0 = 0.16 + k * norm
    formula = -(T**2) * math.exp(k * T) * (k * v0 / 2 + 2 * v0**2 * math.expm1(k * T) / (k * T))
    one = WeakExpansion("tanh", 0.6, 0.4, 10**9, T, np.array([[norm]]), np.eye(1))
    assert one.error() == pytest.approx(formula, rel=1e-3)


def test_the_constant_is_that_of_the_recursion_of_wide_networks():
    # Of infinite width and finite depth, by quadrature: the overlap of two inputs.
    settings = Sde(width=4, depth=1024, horizon=0.7, init=IidLaw(sigma_w=0.6, sigma_b=0.4))
    x0 = inputs(settings)
    start = (x0 @ x0.T / 4).numpy()
    expansion = WeakExpansion("tanh", 0.6, 0.4, 10**9, 0.7, start, np.array([[0, 0.5], [0.5, 0]]))
    c = 0.16 / 0.36
    limit = (start[0, 1] + c) * math.exp(0.36 * 0.7) - c
    error = float(overlaps(settings, x0)[-1, 0, 1]) - limit
    assert 1024 * error == pytest.approx(expansion.error(), rel=0.01)


def test_what_the_control_leaves_is_the_curvature_of_the_error_of_a_layer():
    # One input, sigma_b = 0: q_t = q_0 e^{y}, and c h int e^{k(T-t)} k^2 2 (q_t - E q_t)^2 dt by simulated paths.
    k, width, T, steps, count = 0.25, 6, 1.0, 64, 20_000
    stream, h = np.random.default_rng(1), T / steps
    y, total = np.zeros(count), np.zeros(count)
    for i in range(steps + 1):
        t = i * h
        weight = h * (0.5 if i in (0, steps) else 1.0)
        total += weight * math.exp(k * (T - t)) * 2 * k**2 * (np.exp(y) - math.exp(k * t)) ** 2
        y = y + k * (1 - 2 / width) * h + math.sqrt(4 * k * h / width) * stream.standard_normal(count)
    squares = (total - total.mean()) ** 2 * (T / 2) ** 2
    expansion = WeakExpansion("tanh", 0.5, 0.0, width, T, np.eye(1), np.eye(1))
    assert abs(squares.mean() - expansion.controlled()) < 5 * squares.std() / math.sqrt(count)


@pytest.mark.parametrize("psi", ["identity", "tanh"])
@pytest.mark.parametrize("phi", ["tanh", "swish"])
def test_the_control_has_mean_zero_and_leaves_little(phi: str, psi: str):
    depth, r, law, scheme = 8, 4096, Isotropic(0.8, 0.5), ShallowNetwork(phi, psi)
    x0 = inputs(Sde(width=8))
    functionals = torch.tensor([[0, 0, 0.5, 0, 0, 0.5], [0, 0, 0, 0.5, 0.5, 0], [0.5, 0.5, 0, 0, 0, 0]]).double()
    start = x0.expand(r, 2, 8)
    w = gradients_of_mean(functionals, state_moments(x0), 2, scheme, law, depth, 1.0)
    martingale, x = Martingale(scheme, law, w, start, 1.0 / depth), start
    for _, (x,) in default_engine().walk((Walker(scheme, depth),), start, law, horizon=1.0, stream=Stream(0, "test")):
        martingale.add(x)
    f = functionals @ state_moments(x).mT
    for value, control in zip(f, martingale.value(), strict=True):
        centre, error = mean(control)
        assert abs(centre) < 5 * error
        assert float((value - control).var()) < 0.1 * float(value.var()) + 1e-20


def test_a_jobs_own_pilot_allots_the_samples(monkeypatch: pytest.MonkeyPatch):
    settings = replace(SMALL, depth=8, replicas=64)
    tanh = weak.cases(settings)[0]
    pilot = weak.sampled_networks(settings, tanh, 0, 64, lambda _: None)
    exact = weak.exact_values(settings, tanh)
    error, stderr = mean(pilot.of(0)[1][0] - exact[0])
    overlap, overlap_stderr = mean(pilot.of(1)[1][0] - exact[1])
    worst = max(abs(stderr / error), abs(overlap_stderr / overlap))
    resize(monkeypatch, weak, RELATIVE_ERROR_AIMED_AT=worst / math.sqrt(3.5))
    assert weak.allotted(settings, pilot, exact) == 256  # 3.5 times as many, in whole blocks
    resize(monkeypatch, weak, RELATIVE_ERROR_AIMED_AT=worst / 10)
    assert weak.allotted(settings, pilot, exact) == weak.MAX_JOB_OVER_PILOT * 64
    resize(monkeypatch, weak, RELATIVE_ERROR_AIMED_AT=2 * worst)
    assert weak.allotted(settings, pilot, exact) == 64


def test_samples_do_not_depend_on_how_they_are_drawn():
    settings = replace(SMALL, depth=4, replicas=192)
    case = weak.cases(settings)[0]
    whole = weak.sampled_networks(settings, case, 0, 192, lambda _: None)
    parts = weak.sampled_networks(settings, case, 0, 64, lambda _: None).joined(
        weak.sampled_networks(settings, case, 64, 128, lambda _: None)
    )
    assert torch.allclose(whole.f, parts.f, rtol=1e-12)
    assert torch.allclose(whole.control, parts.control, rtol=1e-9, atol=1e-14)


def test_multilevel_sums_add_up_along_the_doubling_depths():
    def job(depth: int, value: float, difference: float) -> FinishedJob:
        records = [
            Record("weak_mean", value, stderr=0.03, reference=2.0, coordinates={"scheme": "norm"}),
            Record("weak_difference", difference, stderr=0.04, coordinates={"scheme": "norm"}),
        ]
        return FinishedJob(Sde(depth=depth), records, lambda _: None)

    jobs = [job(3, 9.0, 9.0), job(8, 1.0, 0.5), job(16, 9.0, 0.26), job(32, 9.0, 0.125)]
    comparisons = {c.record.observable: c for c in multilevel.compare(jobs)}
    assert comparisons["multilevel_mean"].depth == 32
    assert comparisons["multilevel_mean"].record.value == pytest.approx(1 + 0.26 + 0.125)
    assert comparisons["multilevel_mean"].record.stderr == pytest.approx(math.hypot(0.03, 0.04, 0.04))
    assert comparisons["multilevel_error"].record.value == pytest.approx((1 + 0.26 + 0.25) / 2 - 1)
    assert comparisons["multilevel_error"].record.reference_error == pytest.approx((0.13 - 0.125) / 2)
    assert multilevel.compare(jobs[:1]) == []
    assert multilevel.compare([]) == []


# -- and turn red ---------------------------------------------------------------------------------

NOISE = {"sde.weak.noise", "sde.weak.noise.overlap"}
MOMENTS = {"sde.weak.control", "sde.weak.norm", "sde.weak.norm.limit", "sde.weak.overlap", "sde.weak.overlap.limit"}


@pytest.mark.parametrize(
    ("fault", "broken"),
    [
        (faults.dt_for_its_root, MOMENTS | NOISE),
        (faults.wrong_drift, MOMENTS | NOISE),
        (
            faults.noise_of_its_own_for_each_input,
            {"sde.weak.overlap", "sde.weak.overlap.limit", "sde.weak.noise.overlap"},
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_planted_faults_turn_moments_red(
    fault: Callable[[pytest.MonkeyPatch], None], broken: set[str], monkeypatch: pytest.MonkeyPatch
):
    all_cases = weak.cases
    plant(monkeypatch, weak.cases, lambda settings: all_cases(settings)[:1])
    resize(monkeypatch, weak, MAX_JOB_OVER_PILOT=1)  # a control that is not trusted would call for many more networks
    fault(monkeypatch)
    judged = verdicts(replace(SMALL, replicas=256), (8, 16, 32, 64))
    assert {claim for claim in MOMENTS | NOISE if judged[claim].verdict == "refuted"} >= broken
    assert all(judged[claim].verdict != "refuted" for claim in (MOMENTS | NOISE) - broken)


@pytest.mark.parametrize("factor", [1.02, 0.98])
def test_weights_off_by_two_per_cent_are_seen(factor: float, monkeypatch: pytest.MonkeyPatch):
    # Networks and control variates share the fault; what the networks do in a layer shows it.
    faults.weights_too_large(monkeypatch, factor)
    judged = verdicts(SMALL, (32, 64))
    for claim in NOISE:
        assert judged[claim].verdict == "refuted", judged[claim].why


@pytest.mark.parametrize("settings", [SMALL, replace(SMALL, activation="swish", activation_inside="tanh")])
def test_the_steps_of_networks_are_those_of_full_matrices(settings: Sde, monkeypatch: pytest.MonkeyPatch):
    # What is expected given the states, against sums over full matrices on other noise.
    resize(monkeypatch, weak, NETWORKS_STEPPED=4096)
    settings = replace(settings, depth=2, init=IidLaw(sigma_w=1.2, sigma_b=0.7))
    records = {r.coordinates["scheme"]: r for r in weak.step_records(settings, weak.cases(settings)[0])}
    for record in records.values():
        assert abs(record.value - 1) < 5 * record.stderr
        assert record.stderr < 0.03
    phi, psi = ACTIVATIONS[settings.activation], ACTIVATIONS.get(settings.activation_inside, lambda x: x)
    stream, r, d, h = torch.Generator().manual_seed(4), 20000, 8, 0.25
    x, squares = inputs(settings).expand(r, 2, d), torch.zeros(r, dtype=torch.float64)
    for _ in range(4):
        W, b = (torch.randn(r, *shape, d, generator=stream, dtype=x.dtype) for shape in ((d,), (1,)))
        step = phi(1.2 * math.sqrt(h / d) * torch.bmm(psi(x), W) + 0.7 * math.sqrt(h) * b)
        x, squares = x + step, squares + step.square().mean(dim=(1, 2))
    drawn, expected = [], []

    def spy(values: torch.Tensor) -> tuple[float, float]:
        drawn.append(values)
        return mean(values)

    plant(monkeypatch, mean, spy)
    plant(monkeypatch, moments, lambda phi, C: (C.new_zeros(*C.shape[:-1]), torch.zeros_like(C) + 1e-3))
    weak.step_records(settings, weak.cases(settings)[0])
    expected = 4e-3  # four layers of a made-up expectation: what is left are the networks' own sums
    ours = (drawn[0] + 1) * expected
    assert deviation(Record("", *mean(ours)), mean(squares)) < 5


@pytest.mark.slow
def test_a_drift_of_the_wrong_order_turns_the_mean_red(monkeypatch: pytest.MonkeyPatch):
    def step(scheme, x, features, z, h):  # sqrt(h) per unit of time: it vanishes at order 1/2 only
        return faults.STEP(scheme, x, features, z, h) + 5 * h**1.5

    plant_method(monkeypatch, ShallowNetwork, "step", step)
    judgement = verdicts(SMALL, DEPTHS)["sde.weak.mean"]
    assert judgement.verdict == "refuted", judgement.why


@pytest.mark.slow
def test_without_coupling_and_control_nothing_is_saved(monkeypatch: pytest.MonkeyPatch):
    faults.noise_of_its_own_for_each_depth(monkeypatch)
    resize(monkeypatch, weak, MAX_DEVIATION_OF_MARTINGALE=-1.0)
    all_cases = weak.cases
    plant(monkeypatch, weak.cases, lambda settings: all_cases(settings)[:1])
    resize(monkeypatch, weak, MAX_JOB_OVER_PILOT=1)
    judged = verdicts(replace(SMALL, replicas=512), (16, 32, 64, 128, 256))
    assert judged["sde.weak.multilevel"].verdict == judged["sde.weak.multilevel.overlap"].verdict == "refuted"
    assert judged["sde.weak.saving"].verdict == "refuted"


@pytest.mark.slow
def test_depths_that_are_not_yet_asymptotic_tell_no_order():
    # A correct sampler, whose depths are too small: nothing is refuted.
    judged = verdicts(replace(SMALL, width=32, init=IidLaw(sigma_w=1.5, sigma_b=0.5)), (16, 32, 64, 128))
    for claim in ("norm", "norm.limit", "overlap", "overlap.limit", "multilevel", "saving", "constant", "variance"):
        judgement = judged[f"sde.weak.{claim}"]
        assert judgement.verdict == "inconclusive"
        assert "deeper networks would tell" in judgement.why, judgement.why


def test_means_that_rare_networks_carry_are_not_judged():
    wild = replace(SMALL, width=4, horizon=2.0, init=IidLaw(sigma_w=2.0, sigma_b=0.5))
    judged = verdicts(wild, (16, 32))
    for claim in ("norm", "norm.limit", "overlap", "overlap.limit", "multilevel", "saving", "constant", "variance"):
        judgement = judged[f"sde.weak.{claim}"]
        assert judgement.verdict == "inconclusive"
        assert "too rare to be sampled" in judgement.why, judgement.why


@pytest.mark.slow
def test_expectations_beyond_the_explosion_are_not_judged():
    late = replace(SMALL, activation="swish", horizon=20.0, replicas=64)
    judged = verdicts(late, (8, 16))
    for claim in ("sde.weak.norm", "sde.weak.overlap", "sde.weak.mean", "sde.weak.noise", "sde.weak.multilevel"):
        assert judged[claim].verdict == "inconclusive"
        assert "explosion time" in judged[claim].why, (claim, judged[claim].why)
    assert "explosion time" in verdicts(replace(late, activation="tanh"), (8, 16))["sde.weak.mean"].why


# -- settings -------------------------------------------------------------------------------------


def test_pinned_keys_stand_in_the_records_and_relu_leaves_what_is_pinned():
    records = weak.measure(Job(replace(SMALL, depth=4, activation="relu"))).records
    assert records
    assert all(r.coordinates["activation"] == "swish" for r in records)
    judged = verdicts(replace(SMALL, activation="relu"), (8, 16))
    assert "relu" in judged["sde.weak.norm"].why
    assert judged["sde.weak.mean"].measured is None or judged["sde.mean"].verdict != "refuted"


def test_beyond_an_explosion_no_number_is_recorded_that_is_none():
    wild = replace(SMALL, depth=8, activation="swish", horizon=60.0, init=IidLaw(sigma_w=6.0, sigma_b=1.0))
    assert all(math.isfinite(r.value) for r in weak.measure(Job(wild)).records)
