"""`sde.deep`: blocks of two layers obey their limits, agree with full weight matrices, and turn red when broken."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from resnet_limits.engines import default_engine
from resnet_limits.limits.overlaps import deep_flow
from resnet_limits.networks.activations import activation_named
from resnet_limits.paths.laws.iid import IidLaw
from resnet_limits.random import Stream
from resnet_limits.sampling.deep import ResidualBranch, final
from resnet_limits.sampling.layer_law import Isotropic
from resnet_limits.sampling.wide import mean_gram, pre_activations, root
from resnet_limits.studies.sde.settings import Sde, SdeKeys
from tests.planting import plant, plant_method
from tests.studies.verdicts import measured, verdicts

SMALL = Sde(replicas=512, width=8)
DEPTHS = (8, 16, 32, 64)


def naive(phi: str, alpha: float, x0: Tensor, depth: int, replicas: int, inner: Isotropic, outer: Isotropic) -> Tensor:
    """`x_L` (r, n, d) with full matrices A and B of torch's own generator."""
    stream, (n, d), h = torch.Generator().manual_seed(7), x0.shape, 1 / depth

    def normal(*shape: int) -> Tensor:
        return torch.randn(replicas, *shape, generator=stream, dtype=torch.float64)

    x = x0.expand(replicas, n, d)
    for _ in range(depth):
        A, a = normal(d, d) * inner.sigma_w / d**0.5 * h**alpha, normal(1, d) * inner.sigma_b * h**alpha
        B = normal(d, d) * outer.sigma_w / d**0.5 * h ** (0.5 - alpha)
        b = normal(1, d) * outer.sigma_b * h**0.5
        x = x + activation_named(phi)(x @ A.mT + a) @ B.mT + b
    return x


@pytest.mark.parametrize(("phi", "alpha"), [("swish", 0.5), ("tanh", 0.25), ("relu", 0.0)])
def test_networks_on_the_span_have_the_law_of_full_matrices(phi: str, alpha: float):
    # Means and variances of norms, overlaps and means: 13 two-sided tests at 5.5 standard errors.
    x0 = torch.tensor([[1.0, 0.5, -0.3, 0.2], [0.1, 0.9, 0.4, -1.0]], dtype=torch.float64)
    inner, outer = Isotropic(1.1, 0.4), Isotropic(0.8, 0.3)
    replicas, depth = 4096, 6
    full = naive(phi, alpha, x0, depth, replicas, inner, outer)
    where = {"inner": inner, "outer": outer, "depth": depth, "horizon": 1.0, "stream": Stream(3, "test")}
    start, act = x0.expand(replicas, 2, 4), default_engine().act
    (on_span,), (expected,) = final([ResidualBranch(phi, alpha)], start, **where, act=act)

    def statistics(x: Tensor) -> Tensor:
        g = mean_gram(x)
        first = torch.stack([g[:, 0, 0], g[:, 1, 1], g[:, 0, 1], x[:, 0].mean(dim=1), x[:, 0, 0] * x[:, 1, 1]], dim=1)
        return torch.cat([first, first.square()], dim=1)

    a, b = statistics(full), statistics(on_span)
    scores = (a.mean(dim=0) - b.mean(dim=0)) / ((a.var(dim=0) + b.var(dim=0)) / replicas).sqrt()
    assert float(scores.abs().max()) < 5.5, scores
    apart = (mean_gram(on_span) - expected).mean(dim=0) / ((mean_gram(on_span) - expected).var(dim=0) / replicas).sqrt()
    assert float(apart.abs().max()) < 5.5, "compensators have the mean of the overlaps"


def test_equal_inputs_stay_equal():
    x0 = torch.ones(64, 2, 5, dtype=torch.float64)
    where = {"depth": 8, "horizon": 1.0, "stream": Stream(0, "test"), "act": default_engine().act}
    states, _ = final([ResidualBranch("tanh", 0.5)], x0, inner=Isotropic(1.0, 1.0), outer=Isotropic(1.0, 1.0), **where)
    assert torch.equal(states[0][:, 0], states[0][:, 1])


def test_roots_of_singular_covariances_are_exact():
    x = torch.randn(5, 4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x[1, 2] = x[1, 0]
    x[2] = 0
    for C in (mean_gram(x), mean_gram(x) + 1e-3 * torch.eye(4, dtype=torch.float64)):
        R = root(C)
        torch.testing.assert_close(R @ R.mT, C, atol=1e-14, rtol=1e-12)


@pytest.mark.slow
def test_the_claims_hold():
    judged = verdicts("deep", SMALL, DEPTHS)
    for name in ("sde.deep", "sde.deep.depth", "sde.deep.no_drift", "sde.deep.outside"):
        assert judged[name].verdict == "supported", (name, judged[name].why)
    for name, order in (("sde.deep.weak", 1.0), ("sde.deep.weak.quarter", 0.5)):
        measured = judged[name].measured
        assert measured is not None, judged[name].why
        assert measured.low - 0.05 < order < measured.high + 0.05, judged[name].why
        assert measured.high - measured.low < (0.5 if order == 1 else 1.0)


@pytest.mark.parametrize("phi", ["relu", "swish"])
def test_any_activation_inside_has_its_kernel(phi: str):
    settings = Sde(replicas=256, width=8, activation=phi, init=IidLaw(sigma_w=1.0, sigma_b=0.2))
    judged = verdicts("deep", settings, DEPTHS)
    measured = judged["sde.deep"].measured
    assert measured is not None, judged["sde.deep"].why
    assert measured.low < 1 < measured.high < measured.low + 0.25, judged["sde.deep"].why
    assert judged["sde.deep.depth"].verdict == "supported", judged["sde.deep.depth"].why
    if phi == "relu":
        assert "smooth at 0" in judged["sde.deep.weak"].why


def test_pins_and_sizes_stand_in_the_records():
    for record in measured("deep", SMALL, (8,))[8]:
        assert record.coordinates["activation_inside"] == "identity"
        assert {"sigma_A", "sigma_a"} <= set(record.coordinates)
        assert math.isfinite(record.value)


# -- planted faults -------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_kernel_of_another_activation_is_refuted(monkeypatch: pytest.MonkeyPatch):
    plant(monkeypatch, deep_flow, lambda phi, *a, **k: deep_flow("identity", *a, **k))
    judged = verdicts("deep", SMALL, DEPTHS)
    assert judged["sde.deep"].verdict == "refuted", judged["sde.deep"].why


@pytest.mark.slow
def test_the_kernel_of_other_weights_is_refuted(monkeypatch: pytest.MonkeyPatch):
    def larger(phi: str, start: Tensor, horizon: float, *, inner: tuple[float, float], outer: tuple[float, float]):
        return deep_flow(phi, start, horizon, inner=(1.3 * inner[0], inner[1]), outer=outer)

    plant(monkeypatch, deep_flow, larger)
    judged = verdicts("deep", SMALL, DEPTHS)
    for name in ("sde.deep", "sde.deep.depth"):
        assert judged[name].verdict == "refuted", (name, judged[name].why)


@pytest.mark.parametrize("fault", ["dt", "independent"])
def test_faults_of_the_noise_are_refuted(monkeypatch: pytest.MonkeyPatch, fault: str):
    # The infinitely wide network on the same noise shares both faults: it must not hide them.
    careful, act = pre_activations, Isotropic.act

    def broken(C: Tensor, Z: Tensor) -> Tensor:
        if fault == "independent":
            return careful(torch.diag_embed(C.diagonal(dim1=-2, dim2=-1)), Z)
        return careful(C, Z) / 8

    def broken_act(self: Isotropic, vectors: Tensor, biased: Tensor, h: float, where: Stream) -> Tensor:
        if fault == "dt":
            return act(self, vectors, biased, h**2, where)
        return torch.stack(
            [act(self, vectors[:, [i]], biased[[i]], h, where.part(f" {i}"))[:, 0] for i in range(vectors.shape[1])],
            dim=1,
        )

    plant(monkeypatch, pre_activations, broken)
    plant_method(monkeypatch, Isotropic, "act", broken_act)
    settings = Sde(replicas=256, width=8, sde=SdeKeys(correlation=0.9))
    judged = verdicts("deep", settings, (32,))
    assert judged["sde.deep"].verdict == "refuted", judged["sde.deep"].why
    assert judged["sde.deep.all"].verdict == "refuted", judged["sde.deep.all"].why


@pytest.mark.slow
def test_a_wrong_exponent_is_refuted(monkeypatch: pytest.MonkeyPatch):
    careful = ResidualBranch.hidden
    monkeypatch.setattr(ResidualBranch, "hidden", lambda self, u, h: careful(replace(self, alpha=0.5), u, h))
    judged = verdicts("deep", Sde(replicas=256), DEPTHS)
    assert judged["sde.deep.weak.quarter"].verdict == "refuted", judged["sde.deep.weak.quarter"].why


def test_a_drift_inside_is_refuted(monkeypatch: pytest.MonkeyPatch):
    drifting = lambda phi, alpha, **more: ResidualBranch(phi, alpha, **{**more, "outside": "swish"})  # noqa: E731
    plant(monkeypatch, ResidualBranch, drifting, within="resnet_limits.studies")
    judged = verdicts("deep", SMALL, (16,))
    assert judged["sde.deep.no_drift"].verdict == "refuted", judged["sde.deep.no_drift"].why
