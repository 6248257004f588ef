"""`sde.prenorm`: norms of pre-norm blocks, against full weight matrices and closed forms, and planted faults."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

from resnet_limits.engines import default_engine
from resnet_limits.measurement.job import Job
from resnet_limits.networks.activations import activation_named
from resnet_limits.networks.blocks.prenorm import rms
from resnet_limits.paths.laws.iid import IidLaw
from resnet_limits.random import Stream
from resnet_limits.sampling.layer_law import Isotropic
from resnet_limits.sampling.prenorm import ends_of_linear_branch, two_layers
from resnet_limits.studies.sde.prenorm import measure as prenorm
from resnet_limits.studies.sde.prenorm.measure import mean_log_growth
from resnet_limits.studies.sde.settings import Sde
from tests.planting import plant, plant_method, walk_in_python
from tests.studies.verdicts import measured, verdicts

STRONG = Sde(replicas=1024, width=8, init=IidLaw(sigma_w=1.0, sigma_b=0.5))
DEPTHS = (16, 32)


@pytest.mark.parametrize("two", [False, True], ids=["linear", "two-layers"])
def test_networks_on_the_span_have_the_law_of_full_matrices(two: bool):
    # Six two-sided tests at 5.5 standard errors.
    x0 = torch.tensor([[1.0, 0.5, -0.3, 0.2], [0.1, 0.9, 0.4, -1.0]], dtype=torch.float64)
    replicas, factors, law = 8192, [0.7, 0.3, 0.5, 1.0], Isotropic(0.9, 0.4)
    stream = torch.Generator().manual_seed(11)

    def normal(*shape: int) -> Tensor:
        return torch.randn(replicas, *shape, generator=stream, dtype=torch.float64)

    x = x0.expand(replicas, 2, 4)
    for s in factors:
        z = x / x.square().mean(dim=-1, keepdim=True).sqrt() @ (normal(4, 4) * 0.45).mT + normal(1, 4) * 0.4
        x = x + s * (torch.tanh(z) @ (normal(4, 4) * 0.45).mT if two else z)
    start, where, act = x0.expand(replicas, 2, 4), Stream(5, "test"), default_engine().act
    if two:
        y, _ = two_layers("tanh", start, factors, law, where, act=act)
    else:
        y = ends_of_linear_branch(start, factors, law, where, act=act)

    def statistics(x: Tensor) -> Tensor:
        q, overlap = x.square().mean(dim=-1), (x[:, 0] * x[:, 1]).mean(dim=-1)
        return torch.stack([q[:, 0], q[:, 1], overlap, q[:, 0] ** 2, overlap**2, x[:, 0, 0] * x[:, 0, 1]], dim=1)

    a, b = statistics(x), statistics(y)
    scores = (a.mean(dim=0) - b.mean(dim=0)) / ((a.var(dim=0) + b.var(dim=0)) / replicas).sqrt()
    assert float(scores.abs().max()) < 5.5, scores


def test_the_mean_log_growth_is_that_of_sampled_vectors():
    for sigma_w, width in ((0.5, 4), (2.0, 8), (0.03, 16)):
        g = torch.randn(400_000, width, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        g *= sigma_w / width**0.5
        g[:, 0] += 1
        logs = g.square().sum(dim=1).log()
        error = 5 * float(logs.std()) / len(logs) ** 0.5
        assert abs(float(logs.mean()) - mean_log_growth(sigma_w, width)) < error
    assert mean_log_growth(1.01e-3, 16) == pytest.approx(1.01**2 / 0.99**2 * mean_log_growth(0.99e-3, 16), rel=1e-5)
    assert mean_log_growth(1.0, 10**4) == pytest.approx(math.log(2), abs=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("phi", ["tanh", "relu"])
def test_the_claims_hold_at_any_width_and_depth(phi: str):
    for width, depth in ((8, 3), (5, 40)):
        settings = Sde(replicas=16384, width=width, activation=phi, init=IidLaw(sigma_w=1.0, sigma_b=0.5))
        for name, judgement in verdicts("prenorm", settings, (depth,)).items():
            if name in ("sde.prenorm.gaussian.two", "sde.prenorm.correlation"):  # they take several layers
                continue
            assert judgement.verdict == "supported" or "partly" in judgement.why, (name, judgement.why)
            if name in ("sde.prenorm", "sde.prenorm.two"):
                assert judgement.verdict == "supported", judgement.why


def test_the_law_of_two_layers_is_a_mixture_of_gaussians_with_the_derived_kurtosis():
    settings = Sde(replicas=2**14, width=4, init=IidLaw(sigma_w=1.0, sigma_b=0.5))
    (records,) = measured("prenorm", settings, (2,)).values()
    records_two = {r.observable: r for r in records if r.coordinates["scheme"] == "two-layers"}
    z = torch.randn(2_000_000, generator=torch.Generator().manual_seed(3), dtype=torch.float64) * 1.25**0.5
    squares = torch.tanh(z).square()
    factors = torch.tensor([0.5 * (0.5 + 0.25), 0.5 * (0.5 + 0.75)])
    relative = float(squares.var() / squares.mean().square()) / 4
    derived = 3 * relative * float(factors.square().sum() / factors.sum().square())
    mixture, direct, radius = (records_two[f"prenorm_{name}"] for name in ("mixture", "kurtosis", "radius_var"))
    assert abs(mixture.value - derived) < 5 * mixture.stderr
    assert abs(direct.value - mixture.value) < 5 * math.hypot(direct.stderr, mixture.stderr)
    # Var(V chi^2_D)/(2 D) with E V = 1
    assert abs(radius.value - (1 + mixture.value / 3 * (1 + 4 / 2))) < 5 * radius.stderr
    assert mixture.value > 20 * mixture.stderr


@pytest.mark.parametrize("sizes", [(1.5, 1.0), (2.0, 0.3)])
def test_the_correlation_law_solves_its_equation_and_is_the_limit_of_the_recursion(sizes: tuple[float, float]):
    sigma_w, sigma_b = sizes
    c, q0, mixed = sigma_w**2 + sigma_b**2, 1.3, -0.4

    def rates(_: float, y: np.ndarray) -> list[float]:
        return [c, sigma_w**2 * y[1] / y[0] + sigma_b**2]

    q, overlap = solve_ivp(rates, (0, 1), [q0, mixed], rtol=1e-11, atol=1e-12).y[:, -1]
    closed = (1 - mixed / q0) * (q0 / (q0 + c)) ** (sigma_b**2 / c)
    assert closed == pytest.approx(1 - overlap / q, rel=1e-8)
    errors = [
        abs(
            prenorm.one_less_correlation(mixed, q0, Isotropic(sigma_w, sigma_b), prenorm.branch_factors(Sde(depth=L)))
            - closed
        )
        for L in (500, 1000)
    ]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(1, abs=0.05)


def test_the_correlation_claim_holds_whatever_the_setting():
    for settings in (Sde(replicas=256, depth=64), Sde(replicas=256, width=1, depth=64, init=IidLaw(sigma_w=0.0))):
        record = prenorm.correlation(Job(settings))
        assert abs(record.value - 1) < 4 * record.stderr + record.reference_error


def test_the_norm_of_a_zero_state_is_no_division_by_zero():
    x = ends_of_linear_branch(
        torch.zeros(8, 1, 4), [0.5, 0.5], Isotropic(1.0, 0.0), Stream(0, "test"), act=default_engine().act
    )
    assert float(x.abs().max()) == 0


def test_growth_without_the_norm_does_not_overflow():
    settings = Sde(replicas=64, width=8, init=IidLaw(sigma_w=50.0, sigma_b=0.5))
    for record in measured("prenorm", settings, (200,))[200]:
        assert math.isfinite(record.value), record


# -- planted faults -------------------------------------------------------------------------------


def test_without_the_norm_the_exact_growth_is_refuted(monkeypatch: pytest.MonkeyPatch):
    plant(monkeypatch, rms, lambda x: torch.ones_like(x[..., :1]))
    judged = verdicts("prenorm", STRONG, DEPTHS)
    assert judged["sde.prenorm"].verdict == "refuted", judged["sde.prenorm"].why


def test_dt_in_place_of_its_root_is_refuted(monkeypatch: pytest.MonkeyPatch):
    act = Isotropic.act
    plant_method(monkeypatch, Isotropic, "act", lambda self, v, b, h, w: act(self, v, b, h if h == 1 else h**2, w))
    judged = verdicts("prenorm", STRONG, DEPTHS)
    for name in ("sde.prenorm", "sde.prenorm.two", "sde.prenorm.gaussian.radius"):
        assert judged[name].verdict == "refuted", (name, judged[name].why)


def test_a_mixture_of_gaussians_is_refuted(monkeypatch: pytest.MonkeyPatch):
    # Networks of two sizes of weights, with the right mean square: only the law is wrong.
    act = Isotropic.act

    def mixed(self: Isotropic, v: Tensor, b: Tensor, h: float, where: Stream) -> Tensor:
        odd = torch.arange(len(v)).remainder(2).double()[:, None, None]
        return act(self, v, b, h, where) * (0.4 + 1.2 * odd).sqrt()

    plant_method(monkeypatch, Isotropic, "act", mixed)
    judged = verdicts("prenorm", STRONG, DEPTHS)
    square = judged["sde.prenorm"].measured
    assert square is not None
    assert square.low < 1 < square.high, judged["sde.prenorm"].why
    assert judged["sde.prenorm.gaussian"].verdict == "refuted", judged["sde.prenorm.gaussian"].why
    assert judged["sde.prenorm.gaussian.radius"].verdict == "refuted", judged["sde.prenorm.gaussian.radius"].why


def test_branches_that_see_another_direction_are_refuted_by_the_correlation_alone(monkeypatch: pytest.MonkeyPatch):
    # Of the right norm: a linear branch of one input has the same law.
    def frozen(x0: Tensor, factors: Any, law: Isotropic, stream: Stream, *, act: Any) -> Tensor:
        x, biased = x0, torch.ones(x0.shape[1])
        for k, s in enumerate(factors):
            x = x + act(law, x0 / rms(x0), biased, s**2, stream.at(k))
        return x

    plant(monkeypatch, ends_of_linear_branch, frozen)
    judged = verdicts("prenorm", STRONG, DEPTHS)
    assert judged["sde.prenorm.correlation"].verdict == "refuted", judged["sde.prenorm.correlation"].why
    for name in ("sde.prenorm", "sde.prenorm.drift", "sde.prenorm.gaussian"):
        assert judged[name].verdict == "supported", (name, judged[name].why)


@pytest.mark.parametrize("rate", [0.1, -0.1])
def test_a_drift_along_the_input_is_refuted(rate: float, monkeypatch: pytest.MonkeyPatch):
    # `|x_L - x_0|^2` hardly sees it: it is of second order there.
    act = Isotropic.act

    def drifting(self: Isotropic, v: Tensor, b: Tensor, h: float, where: Stream) -> Tensor:
        return act(self, v, b, h, where) + (rate * h * v if h < 1 else 0.0)

    plant_method(monkeypatch, Isotropic, "act", drifting)
    judged = verdicts("prenorm", Sde(replicas=1024, width=8), DEPTHS)
    assert judged["sde.prenorm.drift"].verdict == "refuted", judged["sde.prenorm.drift"].why


def test_hidden_features_that_layers_share_are_refuted(monkeypatch: pytest.MonkeyPatch):
    # One draw of the hidden weights for all blocks: the mixture does not narrow with depth.
    act = Isotropic.act

    def shared(phi: str, *args: Any, **how: Any) -> tuple[Tensor, Tensor]:
        def once(self: Isotropic, v: Tensor, b: Tensor, h: float, where: Stream) -> Tensor:
            return act(self, v, b, h, where.at(0) if where.purpose.endswith("inner") else where)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Isotropic, "act", once)
            return two_layers(phi, *args, **how)

    walk_in_python(monkeypatch)
    plant(monkeypatch, two_layers, shared)
    judged = verdicts("prenorm", STRONG, (8, 16, 32, 64))
    assert judged["sde.prenorm.gaussian.two"].verdict == "refuted", judged["sde.prenorm.gaussian.two"].why


def test_a_branch_of_another_size_is_refuted(monkeypatch: pytest.MonkeyPatch):
    fault = lambda name: lambda z: 1.3 * activation_named(name)(z)  # noqa: E731
    plant(monkeypatch, activation_named, fault, within="resnet_limits.sampling")
    judged = verdicts("prenorm", STRONG, DEPTHS)
    assert judged["sde.prenorm.two"].verdict == "refuted", judged["sde.prenorm.two"].why
