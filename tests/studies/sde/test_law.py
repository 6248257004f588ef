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

from resnet_limits import settings as keys
from resnet_limits.claims.claim import Judgement
from resnet_limits.claims.judge import judge
from resnet_limits.runs.records import table
from resnet_limits.sampling.schemes import EulerMaruyama
from resnet_limits.settings import Iid, MatrixNormal, Sde
from resnet_limits.studies.sde import law, shallow_law
from resnet_limits.studies.sde.claims.law import GROUP, MATRICES, TEST
from resnet_limits.studies.sde.problem import inputs
from resnet_limits.studies.study import FinishedJob, Job, Record
from tests.studies.sde import faults
from tests.studies.sde.verdicts import measured

SMALL = Sde(width=8, replicas=256)
DEPTHS = (8, 64)
LEVEL = 1e-5
EXACT = {"sde.law.norm", "sde.law.norm.variance", "sde.law.determinant", "sde.law.determinant.variance"}
TWO_SAMPLES = {"sde.law.two_sample", "sde.law.energy"}


@pytest.fixture(autouse=True)
def coarser_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(law, "FINEST", 256)  # four times as deep as the networks is enough here, and saves time


def verdicts(settings: Sde = SMALL, depths: Sequence[int] = DEPTHS) -> dict[str, Judgement]:
    """The judgement on every claim, with the distance at the shallowest depth."""
    records = measured("law", settings, depths)
    jobs = [FinishedJob(replace(settings, depth=depth), its, lambda _: None) for depth, its in records.items()]
    frames = [table(job.settings, job.records, job=keys.job_name(job.settings)) for job in jobs]
    frames += [table(replace(settings, depth=c.depth), [c.record], job="") for c in shallow_law.compare(jobs)]
    frame = pd.concat(frames, ignore_index=True)
    return {claim.id: judge(claim, settings, frame, {}) for claim in GROUP.claims}


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


def test_claims_come_out_as_at_the_smoke_size():
    for claim, judgement in verdicts().items():
        wanted = next(c for c in GROUP.claims if c.id == claim).verdicts["smoke"]
        assert judgement.verdict == wanted, (claim, judgement.why)
        assert judgement.measured is not None


def test_log_norms_are_those_of_networks_with_full_matrices():
    settings = replace(SMALL, depth=5)
    ours = law._log_norm_ratio(settings, 0.9, "test")
    x0 = inputs(settings)[0]
    x = full_matrices(x0.expand(4096, 8), 5, 0.9, 0.0, seed=1)
    naive = torch.log(x.norm(dim=-1) / x0.norm())
    assert p_value(ours, naive) > LEVEL


def test_log_determinants_are_those_of_automatic_differentiation():
    settings = replace(SMALL, depth=12, init=Iid(sigma_w=0.9, sigma_b=0.6))
    ours = law.log_abs_det(settings)
    assert len(ours) == law.draws(settings) == 4096
    x0 = inputs(settings, width=MATRICES["width"], count=1)
    start = x0.expand(1000, -1).clone().requires_grad_()
    x = full_matrices(start, 12, 0.9, 0.6, seed=2)
    rows = [torch.autograd.grad(x[:, i].sum(), start, retain_graph=True)[0] for i in range(x.shape[1])]
    naive = torch.linalg.slogdet(torch.stack(rows, dim=1)).logabsdet
    assert p_value(ours, naive) > LEVEL


@pytest.mark.parametrize("horizon", [0.5, 2.0])
def test_expected_values_follow_the_setting(horizon: float):
    settings = replace(SMALL, width=5, horizon=horizon, depth=128, init=Iid(sigma_w=0.7, sigma_b=0.4))
    s = 0.49 * horizon
    expected = {c.observable: c.expected.at(settings).value for c in GROUP.claims if c.id in EXACT}
    assert expected["log_norm_ratio"] == pytest.approx(s * (0.5 - 0.2))
    assert expected["log_norm_ratio_var"] == pytest.approx(s / 5)
    assert expected["log_abs_det_jacobian"] == pytest.approx(-s / 2)
    assert expected["log_abs_det_jacobian_var"] == pytest.approx(s)
    for r in [*law._norms(Job(settings)), *law._determinants(Job(settings))]:
        assert r.reference == pytest.approx(expected[r.observable])
        assert abs(r.value - r.reference) < 5 * r.stderr + s / 100


def test_the_test_rejects_shallow_networks_and_accepts_deep_ones():
    p = {
        depth: r.value
        for depth in (8, 256)
        for r in law._test(Job(replace(SMALL, depth=depth)))
        if r.observable == "law_p_value"
    }
    assert p[8] < LEVEL
    assert p[256] > 1e-3


def test_distances_to_the_simulated_sde_fall_with_depth():
    its = measured("law", SMALL, (4, 64))
    values = {depth: {r.observable: r.value for r in records} for depth, records in its.items()}
    for observable in ("two_sample_distance", "energy_distance"):
        assert values[64][observable] < 0.5 * values[4][observable]


def test_the_shallowest_depth_is_compared_under_its_own_name():
    jobs = [
        FinishedJob(Sde(depth=depth), [Record("law_distance", 1 / depth, stderr=0.1)], lambda _: None)
        for depth in (4, 8)
    ]
    ((comparison),) = shallow_law.compare(jobs)
    assert (comparison.depth, comparison.record.observable) == (4, "law_distance_shallowest")
    assert comparison.record.value == 0.25
    assert shallow_law.compare([]) == []


# -- and turn red ---------------------------------------------------------------------------------


def dt_for_its_root(patch: pytest.MonkeyPatch) -> None:
    """Weights of variance h^2 in place of h, in the sampler and in full matrices."""
    faults.dt_for_its_root(patch)
    normals = law.normals
    patch.setattr(law, "normals", lambda *a, **k: normals(*a, **k) / 8)  # sqrt(1/64)


def without_drift(patch: pytest.MonkeyPatch) -> None:
    """The SDE without its Ito drift."""
    patch.setattr(law, "EulerMaruyama", lambda *its: EulerMaruyama(*its, ito_drift=False))


def slopes_forgotten(patch: pytest.MonkeyPatch) -> None:
    """Jacobians with a tenth of `phi'` missing."""
    own = law.with_slope
    patch.setattr(law, "with_slope", lambda f, z: (own(f, z)[0], 0.9 * own(f, z)[1]))


@pytest.mark.parametrize(
    ("fault", "broken"),
    [
        (dt_for_its_root, {*EXACT, "sde.law.two_sample", "sde.law.energy"}),
        (faults.wrong_drift, {"sde.law.norm", "sde.law.norm.variance", *TWO_SAMPLES}),
        (without_drift, TWO_SAMPLES),
        (slopes_forgotten, {"sde.law.determinant.variance"}),
    ],
    ids=lambda its: getattr(its, "__name__", ""),
)
def test_planted_faults_turn_verdicts_red(
    fault: Callable[[pytest.MonkeyPatch], None], broken: set[str], monkeypatch: pytest.MonkeyPatch
):
    fault(monkeypatch)
    its = verdicts(depths=(64,))
    assert {claim for claim in EXACT | TWO_SAMPLES if its[claim].verdict == "refuted"} >= broken
    untouched = (EXACT | TWO_SAMPLES) - broken
    assert all(its[claim].verdict != "refuted" for claim in untouched)


@pytest.mark.parametrize("fault", [faults.dt_for_its_root, faults.wrong_drift])
def test_planted_faults_turn_the_test_red(fault: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch):
    fault(monkeypatch)
    distance = law._test(Job(replace(SMALL, depth=128)))[0]
    assert distance.value - 1.96 * distance.stderr > 0.065


def test_a_test_that_always_accepts_turns_the_control_red(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(law, "kolmogorov_distance", lambda *its: 0.001)
    assert verdicts()["sde.law.test.shallow"].verdict == "refuted"


# -- settings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (replace(SMALL, activation="relu"), "relu"),
        (replace(SMALL, activation="swish"), "swish"),
        (replace(SMALL, activation_inside="tanh"), "activation_inside"),
        (replace(SMALL, init=MatrixNormal()), "matrix_normal"),
        (replace(SMALL, init=Iid(sigma_w=0.0, sigma_b=0.5)), "sigma_w=0"),
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
                assert r.replicas in (law.LEAST, law.ENERGY_PAIRS)
    assert TEST["init.sigma_b"] == 0


def test_an_explosion_leaves_no_distance_that_is_none():
    wild = replace(SMALL, depth=8, replicas=16, horizon=200.0)
    assert all(math.isfinite(r.value) for r in law.measure(Job(wild)).records)
