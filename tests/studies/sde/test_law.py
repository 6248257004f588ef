"""`sde.law.*`: laws of networks are those of full matrices, tend to the exact ones, and turn red where broken.

Tests reject at 1e-5, with fixed seeds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from torch import Tensor

from resnet_limits.claims.claim import Judgement
from resnet_limits.claims.judge import judge
from resnet_limits.claims.law_distance import kolmogorov_distance
from resnet_limits.measurement.estimate import mean
from resnet_limits.measurement.job import FinishedJob, Job
from resnet_limits.measurement.record import Record
from resnet_limits.paths.laws.iid import IidLaw
from resnet_limits.paths.laws.matrix_normal import MatrixNormalLaw
from resnet_limits.random.normals import normals
from resnet_limits.runs.records import table
from resnet_limits.sampling.schemes import EulerMaruyama, ShallowNetwork
from resnet_limits.studies.sde.law import compare
from resnet_limits.studies.sde.law import measure as law
from resnet_limits.studies.sde.law.claims import GROUP, PINS_OF_LAW_TEST, PINS_OF_MATRICES
from resnet_limits.studies.sde.problem import inputs
from resnet_limits.studies.sde.settings import Sde
from tests.planting import plant, plant_method, resize
from tests.studies.sde import faults
from tests.studies.verdicts import measured
from tests.studies.verdicts import verdicts as of_the_part

SMALL = Sde(width=8, replicas=256)
DEPTHS = (8, 64)
LEVEL = 1e-5
EXACT = {"sde.law.norm", "sde.law.norm.variance", "sde.law.determinant", "sde.law.determinant.variance"}
DRIFT = {"sde.law.norm.drift"}
VOLUMES = {"sde.law.volumes", "sde.law.volumes.variance"}
TWO_SAMPLES = {"sde.law.two_sample", "sde.law.energy"}
APART = {"sde.law.kolmogorov", "sde.law.kolmogorov.norm"}


def verdicts(settings: Sde = SMALL, depths: Sequence[int] = DEPTHS) -> dict[str, Judgement]:
    """The judgement on every claim, with the comparisons of depths."""
    return of_the_part("law", settings, depths, compare)


def full_matrices(x: Tensor, depth: int, sigma_w: float, sigma_b: float, seed: int) -> Tensor:
    """`x_L` of tanh networks, one for each row of x (r, d)."""
    stream, (r, d), h = torch.Generator().manual_seed(seed), x.shape, 1.0 / depth
    for _ in range(depth):
        W = torch.randn(r, d, d, generator=stream, dtype=x.dtype) * sigma_w * math.sqrt(h / d)
        b = torch.randn(r, d, generator=stream, dtype=x.dtype) * sigma_b * math.sqrt(h)
        x = x + torch.tanh((W @ x[..., None])[..., 0] + b)
    return x


def p_value(a: Tensor, b: Tensor) -> float:
    """Of Kolmogorov's test that two samples have one law."""
    return float(np.asarray(stats.ks_2samp(a.numpy(), b.numpy()))[1])


# -- the claims hold ------------------------------------------------------------------------------


@pytest.mark.slow
def test_claims_come_out_as_at_the_smoke_size():
    for claim, judgement in verdicts().items():
        if claim in TWO_SAMPLES:  # orders, which take four depths
            continue
        wanted = next(c for c in GROUP.claims if c.id == claim).verdicts["smoke"]
        assert judgement.verdict == wanted, (claim, judgement.why)
        assert judgement.measured is not None


def test_log_norms_are_those_of_networks_with_full_matrices():
    settings = replace(SMALL, depth=5)
    ours = law.log_norm_ratio(settings, 0.9, "test", 4096)
    x0 = inputs(settings)[0]
    x = full_matrices(x0.expand(4096, 8), 5, 0.9, 0.0, seed=1)
    naive = torch.log(x.norm(dim=-1) / x0.norm())
    assert p_value(ours, naive) > LEVEL


def test_log_determinants_are_those_of_automatic_differentiation():
    settings = replace(SMALL, depth=12, init=IidLaw(sigma_w=0.9, sigma_b=0.6))
    volumes, _ = law.log_volumes(settings)
    assert len(volumes) == law.networks_of_law(settings) == 4096
    x0 = inputs(settings, width=PINS_OF_MATRICES["width"], count=1)
    start = x0.expand(1000, -1).clone().requires_grad_()
    x = full_matrices(start, 12, 0.9, 0.6, seed=2)
    rows = [torch.autograd.grad(x[:, i].sum(), start, retain_graph=True)[0] for i in range(x.shape[1])]
    jacobians = torch.stack(rows, dim=1)
    assert p_value(volumes.sum(dim=1), torch.linalg.slogdet(jacobians).logabsdet) > LEVEL
    naive = torch.linalg.qr(jacobians).R.diagonal(dim1=1, dim2=2).abs().log()
    for ours, others in zip(volumes.mT, naive.mT, strict=True):
        assert p_value(ours, others) > LEVEL


@pytest.mark.parametrize("width", [1, 2, 5])
def test_mean_and_norm_of_the_sde_are_those_of_full_matrices(width: int, monkeypatch: pytest.MonkeyPatch):
    # Both by Euler and Maruyama with as many steps: one law.
    resize(monkeypatch, law, STEPS_OF_NORM_DIFFUSION=12)
    settings = replace(SMALL, width=width, horizon=0.8, sde=replace(SMALL.sde, inputs=1))
    x0, r, h = inputs(settings)[0], 4096, 0.8 / 12
    ours = law.reduced(settings, r)
    stream, x = torch.Generator().manual_seed(2), x0.expand(r, width)
    for _ in range(12):
        v = 1 + x.square().mean(dim=-1, keepdim=True)
        W = torch.randn(r, width, width, generator=stream, dtype=x.dtype) * math.sqrt(h / width)
        b = torch.randn(r, width, generator=stream, dtype=x.dtype) * math.sqrt(h)
        x = x + 0.25 * v * h + 0.5 * ((W @ x[..., None])[..., 0] + b)
    assert p_value(torch.from_numpy(ours["mean"]), x.mean(dim=1)) > LEVEL
    assert p_value(torch.from_numpy(ours["norm"]), x.norm(dim=1)) > LEVEL


def test_the_fourth_moment_is_off_by_the_first_order_in_h():
    settings = replace(SMALL, width=32, depth=64, horizon=0.5)
    ratio, _ = law.log_norms(settings, 1.0, "test", 2**15)
    value, stderr = law.fourth_moment(ratio, math.exp(4 * 0.5 / 32))
    bias = law.fourth_bias(settings, 1.0)
    assert abs(value - 1 - bias) < 4 * stderr + 0.3 * abs(bias)
    assert abs(law.fourth_bias(replace(settings, depth=16), 1.0)) == pytest.approx(4 * abs(bias))


@pytest.mark.parametrize("horizon", [0.5, 2.0])
def test_expected_values_follow_the_setting(horizon: float):
    settings = replace(SMALL, width=5, horizon=horizon, depth=128, init=IidLaw(sigma_w=0.7, sigma_b=0.4))
    s = 0.49 * horizon
    expected = {c.observable: c.expected.at(settings).value for c in GROUP.claims if c.id in EXACT}
    assert expected["log_norm_ratio"] == pytest.approx(s * (0.5 - 0.2))
    assert expected["log_norm_ratio_var"] == pytest.approx(s / 5)
    assert expected["log_abs_det_jacobian"] == pytest.approx(-s / 2)
    assert expected["log_abs_det_jacobian_var"] == pytest.approx(s)
    for r in [*law.norms(Job(settings))[:2], *law.determinants(Job(settings))[:2]]:
        assert r.reference == pytest.approx(expected[r.observable])
        assert abs(r.value - r.reference) < 5 * r.stderr + 1.5 * r.reference_error + s / 200


def test_the_test_rejects_shallow_networks_and_accepts_deep_ones():
    accepted = {}
    for depth in (8, 256):
        (record,) = [r for r in law.tests(Job(replace(SMALL, depth=depth))) if r.observable == "law_accepted"]
        accepted[depth] = record
    assert accepted[8].value + 5 * accepted[8].stderr < 0.3
    # 62 tests at level 0.05: all but 17 or more accept, error probability 2e-8
    assert accepted[256].value > 0.73


@pytest.mark.parametrize(("width", "horizon", "norm"), [(8, 1.0, 1.0), (5, 0.5, 2.0)])
def test_networks_are_shifted_from_the_exact_law_by_the_first_order_in_h(width: int, horizon: float, norm: float):
    settings = replace(SMALL, width=width, horizon=horizon, depth=64, replicas=2048)
    settings = replace(settings, sde=replace(settings.sde, norm=norm))
    ratio = law.log_norm_ratio(settings, 1.0, "test", 2**16)
    value, stderr = mean(ratio - law.norm_law(settings, 1.0)[0])
    bias = law.norm_bias(settings, 1.0)
    assert abs(value - bias) < 4 * stderr + 0.15 * abs(bias)
    assert abs(bias) > 5 * stderr


@pytest.mark.slow
def test_energy_distances_to_the_sde_fall_as_the_square_of_h():
    records = measured("law", replace(SMALL, replicas=1024), (16, 32))
    for scheme in ("states", "mean"):
        coarse, fine = (
            next(r for r in records[d] if r.observable == "energy_distance" and r.coordinates["scheme"] == scheme)
            for d in (16, 32)
        )
        error = math.hypot(coarse.stderr / coarse.value, fine.stderr / fine.value) / math.log(2)
        assert abs(math.log2(coarse.value / fine.value) - 2) < 4 * error + 0.2


def test_depths_are_compared_under_names_of_their_own():
    def job(depth: int, accepted: float) -> FinishedJob:
        records = [
            Record("law_accepted", accepted, stderr=0.1),
            Record("correlation", 0.1, layer=3, coordinates={"scheme": "states"}),
        ]
        return FinishedJob(Sde(depth=depth), records, lambda _: None)

    (rejected,) = compare.compare([job(8, 0.5), job(4, 0.25), job(32, 0.9)])
    assert (rejected.depth, rejected.record.observable, rejected.record.value) == (4, "law_rejected", 0.75)
    assert compare.compare([]) == []


# -- and turn red ---------------------------------------------------------------------------------


def dt_for_its_root(patch: pytest.MonkeyPatch) -> None:
    """Weights of variance h^2 in place of h, in the sampler and in full matrices."""
    faults.dt_for_its_root(patch)
    plant(patch, normals, lambda *a, **k: normals(*a, **k) / 8, within="resnet_limits.studies.sde.law")  # sqrt(1/64)


def without_drift(patch: pytest.MonkeyPatch) -> None:
    """The SDE without its Ito drift."""
    plant(
        patch,
        EulerMaruyama,
        lambda *arguments: EulerMaruyama(*arguments, ito_drift=False),
        within="resnet_limits.studies",
    )


def of_the_root_of_h(patch: pytest.MonkeyPatch) -> None:
    """A drift that falls at order 1/2 only: laws that do tend to that of the SDE, but too slowly."""

    def step(scheme: ShallowNetwork, x: Tensor, features: Tensor, z: Tensor, h: float) -> Tensor:
        return faults.STEP(scheme, x, features, z, h) + 4 * h**1.5

    plant_method(patch, ShallowNetwork, "step", step)


def slopes_forgotten(patch: pytest.MonkeyPatch) -> None:
    """Jacobians with a tenth of `phi'` missing."""
    with_slope = law.with_slope
    plant(patch, law.with_slope, lambda f, z: (with_slope(f, z)[0], 0.9 * with_slope(f, z)[1]))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "broken"),
    [
        (dt_for_its_root, {*EXACT, *VOLUMES, "sde.law.two_sample", "sde.law.energy"}),
        (faults.wrong_drift, {"sde.law.norm.drift", "sde.law.norm.variance", *TWO_SAMPLES}),
        (without_drift, TWO_SAMPLES),
        (of_the_root_of_h, {*TWO_SAMPLES, "sde.law.norm.drift"}),
        (slopes_forgotten, {"sde.law.determinant", "sde.law.determinant.variance", "sde.law.volumes.variance"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_planted_faults_turn_verdicts_red(
    fault: Callable[[pytest.MonkeyPatch], None], broken: set[str], monkeypatch: pytest.MonkeyPatch
):
    fault(monkeypatch)
    judged = verdicts(depths=(8, 16, 32, 64))
    every = EXACT | DRIFT | VOLUMES | TWO_SAMPLES
    assert {claim for claim in every if judged[claim].verdict == "refuted"} >= broken
    if fault in (without_drift, slopes_forgotten):
        assert all(judged[claim].verdict != "refuted" for claim in every - broken - VOLUMES)


@pytest.mark.slow
@pytest.mark.parametrize("fault", [dt_for_its_root, faults.wrong_drift])
def test_planted_faults_are_seen_by_independent_samples(
    fault: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
):
    fault(monkeypatch)
    # without the noise that both should have, the schemes of the first fault differ by their drift's error alone
    claims = APART if fault is faults.wrong_drift else {"sde.law.kolmogorov"}
    judged = verdicts(depths=(64,))
    assert {judged[claim].verdict for claim in claims} == {"refuted"}, {c: judged[c].why for c in claims}


@pytest.mark.parametrize("horizon", [1.0, 2.0])
def test_determinants_are_off_by_the_first_order_in_h(horizon: float):
    settings = replace(SMALL, horizon=horizon, depth=32, replicas=2**14, init=IidLaw(sigma_w=0.6, sigma_b=0.4))
    for r, off in zip(law.determinants(Job(settings))[:2], law.determinant_bias(settings), strict=True):
        assert r.reference_error == pytest.approx(abs(off))
        assert abs(r.value - r.reference - off) < 4 * r.stderr + 0.25 * abs(off)
        assert abs(off) > 3 * r.stderr


def test_the_variance_of_log_norms_at_a_depth_is_the_derived_one():
    settings = replace(SMALL, width=32, depth=16, replicas=2**14, init=IidLaw(sigma_w=1.0, sigma_b=0.0))
    _, record, _ = law.norms(Job(settings))
    assert record.value < record.reference
    assert record.reference - record.value == pytest.approx(record.reference_error, rel=0.15)


@pytest.mark.slow
@pytest.mark.parametrize(("sigma_w", "depth"), [(2.0, 64), (1.5, 32)])
def test_networks_that_are_not_deep_enough_refute_no_exact_law(sigma_w: float, depth: int):
    judged = verdicts(replace(SMALL, init=IidLaw(sigma_w=sigma_w, sigma_b=0.5)), (depth,))
    exact = {*EXACT, *VOLUMES, "sde.law.fourth"}
    assert "refuted" not in {judged[claim].verdict for claim in exact}, {c: judged[c].why for c in exact}


def test_growth_beyond_numbers_has_no_record_and_a_reason():
    judged = verdicts(replace(SMALL, replicas=16, horizon=800.0, init=IidLaw(sigma_w=1.0, sigma_b=0.5)), (4, 8))
    for claim in (*EXACT, "sde.law.test", "sde.law.test.shallow"):
        assert judged[claim].verdict == "inconclusive"
        assert "beyond float64" in judged[claim].why


@pytest.mark.slow
@pytest.mark.parametrize("fault", [faults.dt_for_its_root, faults.wrong_drift, faults.weights_too_large])
def test_planted_faults_turn_the_test_red(fault: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch):
    fault(monkeypatch)
    judged = verdicts(replace(SMALL, width=16), (16, 256))
    assert judged["sde.law.test"].verdict == "refuted", judged["sde.law.test"].why


@pytest.mark.slow
def test_a_test_that_always_accepts_turns_the_control_red(monkeypatch: pytest.MonkeyPatch):
    plant(monkeypatch, kolmogorov_distance, lambda *arguments: 0.001)
    assert verdicts()["sde.law.test.shallow"].verdict == "refuted"


@pytest.mark.slow
def test_depths_at_which_the_test_may_do_either_are_named():
    judged = verdicts(replace(SMALL, replicas=64), (32, 64))
    assert "not deep enough" in judged["sde.law.test"].why
    assert "too deep" in judged["sde.law.test.shallow"].why


# -- settings -------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (replace(SMALL, activation="relu"), "relu"),
        (replace(SMALL, activation="swish"), "swish"),
        (replace(SMALL, activation_inside="tanh"), "activation_inside"),
        (replace(SMALL, init=MatrixNormalLaw()), "matrix_normal"),
        (replace(SMALL, init=IidLaw(sigma_w=0.0, sigma_b=0.5)), "sigma_w=0"),
    ],
    ids=["relu", "swish", "inside", "matrix_normal", "still"],
)
def test_settings_outside_the_exact_laws_are_named(settings: Sde, reason: str):
    frame = pd.concat([table(settings, law.measure(Job(replace(settings, depth=4, replicas=16))).records, job="x")])
    for claim in GROUP.claims:
        if claim.id in EXACT:
            judgement = judge(claim, settings, frame, {})
            assert judgement.verdict == "inconclusive"
            assert reason in judgement.why


def test_pinned_keys_stand_in_the_records():
    records = law.measure(Job(replace(SMALL, depth=4, replicas=16))).records
    for claim in GROUP.claims:
        for r in records:
            if r.observable == claim.observable:
                assert {k: r.coordinates[k] for k in claim.pins} == dict(claim.pins)
                assert r.replicas in (
                    law.MIN_NETWORKS_OF_LAW,
                    law.MIN_NETWORKS_ON_OTHER_NOISE,
                    law.NETWORKS_A_TEST * law.FEWEST_TESTS,
                )
    assert PINS_OF_LAW_TEST["init.sigma_b"] == 0


def test_an_explosion_leaves_no_distance_that_is_none():
    wild = replace(SMALL, depth=8, replicas=16, horizon=200.0)
    assert all(math.isfinite(r.value) for r in law.measure(Job(wild)).records)


def test_laws_beyond_the_explosion_are_not_judged():
    judged = verdicts(replace(SMALL, replicas=16, horizon=5.0), (8, 16))
    for claim in TWO_SAMPLES:
        assert judged[claim].verdict == "inconclusive"
        assert "explosion time" in judged[claim].why
