"""`sde.explosion`: crossing times, against full weight matrices and the closed form, and planted faults."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.nn.functional import silu

from resnet_limits.limits.overlaps import moment_step
from resnet_limits.paths.laws.iid import IidLaw
from resnet_limits.random import Stream
from resnet_limits.sampling.layer_law import Isotropic
from resnet_limits.sampling.schemes import ShallowNetwork
from resnet_limits.studies import study as studies
from resnet_limits.studies.sde.explosion import measure as explosion
from resnet_limits.studies.sde.explosion.measure import crossing_times, recursion_crossing_time
from resnet_limits.studies.sde.outside import explodes, explosion_time
from resnet_limits.studies.sde.problem import inputs
from resnet_limits.studies.sde.settings import Sde, SdeKeys
from tests.planting import plant, plant_method
from tests.studies.sde import faults
from tests.studies.verdicts import measured, verdicts

LOW = Sde(replicas=256, width=8, sde=SdeKeys(threshold=100.0))
HIGH = Sde(replicas=256, width=8)
DEPTHS = (16, 32, 64, 128)


def naive(x0: torch.Tensor, depth: int, horizon: float, threshold: float, replicas: int) -> torch.Tensor:
    """Crossing times with full weight matrices, a layer at a time; inf where there is none."""
    stream, d, h = torch.Generator().manual_seed(6), x0.shape[-1], horizon / depth
    x, times = x0.expand(replicas, d), torch.full((replicas,), math.inf, dtype=torch.float64)
    for k in range(depth):
        W = torch.randn(replicas, d, d, generator=stream, dtype=torch.float64) * 0.5 * (h / d) ** 0.5
        b = torch.randn(replicas, d, generator=stream, dtype=torch.float64) * 0.5 * h**0.5
        before = x.square().mean(dim=1)
        x = x + silu((W @ x[..., None]).squeeze(-1) + b)
        q = x.square().mean(dim=1)
        first = (q >= threshold) & times.isinf()
        times[first] = (h * (k + (threshold / before).log() / (q / before).log()))[first]
    return times


def test_crossing_times_have_the_law_of_full_matrices():
    x0 = torch.tensor([[0.5, -1.0, 1.5, 0.3, -0.8, 0.2]], dtype=torch.float64)
    horizon, threshold, replicas = 60.0, 50.0, 4000
    full = naive(x0, 40, horizon, threshold, replicas)
    (crossings,) = crossing_times(
        [40],
        x0.expand(replicas, 1, 6),
        Isotropic(0.5, 0.5),
        horizon=horizon,
        threshold=threshold,
        stream=Stream(1, "test"),
    )
    # Restricted means, their squares and the fraction crossed: three two-sided tests at 5.5 standard errors.
    for statistic in (lambda t: t.clamp(max=horizon), lambda t: t.clamp(max=horizon) ** 2, lambda t: (t < 30).double()):
        a, b = statistic(full), statistic(crossings)
        assert abs(float(a.mean() - b.mean())) < 5.5 * float(((a.var() + b.var()) / replicas).sqrt())


def test_the_recursion_crosses_at_the_closed_form_as_depth_grows():
    x0 = torch.randn(1, 64, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    limit = explosion.moments_of_wide(x0, 0.8, 0.3)
    exact, horizon = limit.crossing_time(10.0), 2 * limit.explosion_time()
    errors = [
        recursion_crossing_time(x0, Isotropic(0.8, 0.3), L, horizon=horizon, threshold=10.0) - exact
        for L in (1000, 2000)
    ]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(1, abs=0.1)
    assert recursion_crossing_time(x0, Isotropic(0.8, 0.3), 4, horizon=0.1, threshold=10.0) == math.inf


def test_the_claims_hold():
    judged = verdicts("explosion", HIGH, (64, 128, 256, 512))
    for name, judgement in judged.items():
        assert judgement.verdict == "supported", (name, judgement.why)


@pytest.mark.parametrize("sigma_w", [0.5, 1.0])
@pytest.mark.parametrize("power", [6, 12])
def test_lateness_tends_to_its_closed_form(sigma_w: float, power: int):
    # The exact recursion at D = inf; corrections are of relative order sqrt(h).
    x0 = inputs(Sde(), width=64, count=1)
    limit, threshold = explosion.moments_of_wide(x0, sigma_w, 0.5), 10.0**power
    horizon = 3 * limit.explosion_time()
    for depth, within in ((500, 0.04), (8000, 0.02)):
        where = {"horizon": horizon, "threshold": threshold}
        time = recursion_crossing_time(x0, Isotropic(sigma_w, 0.5), depth, **where)
        if math.isinf(time):
            assert (depth, power) == (500, 12)
            continue
        late = explosion.lateness(horizon / depth, sigma_w, threshold)
        assert (time - limit.crossing_time(threshold)) / late == pytest.approx(1, abs=within)


def test_lateness_is_of_order_one_and_then_one_half():
    # F(Y) = Y for small Y; F(10 Y) - F(Y) = sqrt(2 pi) log 10 for large Y.
    assert explosion.lateness(1e-8, 0.5, 1e4) == pytest.approx(1e-8 * 1e2, rel=1e-3)
    far, farther = (explosion.lateness(0.01, 0.5, q) / 0.2 for q in (1e12, 1e14))
    assert farther - far == pytest.approx(math.sqrt(2 * math.pi) * math.log(10), rel=1e-3)


def test_no_number_is_infinite_and_the_threshold_is_stated():
    high = Sde(replicas=64, width=8, init=IidLaw(sigma_w=5.0, sigma_b=1.0), sde=SdeKeys(threshold=1e100))
    for settings in (LOW, high):
        for records in measured("explosion", settings, (4, 64)).values():
            assert "crossing_time" in {r.observable for r in records}
            for record in records:
                assert math.isfinite(record.value), record
                assert not math.isinf(record.stderr), record
                assert math.isfinite(record.coordinates["horizon"])
                assert record.coordinates["activation"] == "swish"


def test_networks_that_crossed_stay_where_they_are():
    scheme = explosion.UpTo(ShallowNetwork("swish"), 4.0)
    x = torch.tensor([[[3.0, 0.0]], [[1.0, 1.0]]], dtype=torch.float64)
    moved = scheme.step(x, scheme.features(x), torch.full_like(x, 5.0), 0.1)
    assert torch.equal(moved[0], x[0])
    assert bool((moved[1] > x[1]).all())


def test_a_start_above_the_threshold_has_crossed_at_once():
    x0 = torch.full((4, 1, 3), 9.0, dtype=torch.float64)
    times = crossing_times([4, 8], x0, Isotropic(0.5, 0.5), horizon=1.0, threshold=2.0, stream=Stream(0, "test"))
    assert [float(t.max()) for t in times] == [0, 0]


# -- outside, and warnings ------------------------------------------------------------------------


def test_settings_that_explode_are_named_and_warned_of():
    late = Sde(activation="swish", horizon=20.0)
    at = explosion_time("swish", late)
    assert at == pytest.approx(14.63, abs=0.01)
    assert f"{at:.3g}" in (explodes(late) or "")
    (line,) = studies.get("sde").warnings(late)
    assert "horizon=20" in line
    for harmless in (
        Sde(horizon=1000.0),
        Sde(activation="swish", horizon=14.0),
        Sde(activation="relu", horizon=1000.0),
        Sde(activation="swish", activation_inside="tanh", horizon=1000.0),
        Sde(activation="swish", horizon=1000.0, init=IidLaw(sigma_w=0.0)),
    ):
        assert studies.get("sde").warnings(harmless) == []
    assert studies.get("ode").warnings(None) == []


def test_without_weights_nothing_explodes():
    settings = Sde(replicas=16, init=IidLaw(sigma_w=0.0, sigma_b=0.5))
    assert measured("explosion", settings, (8,))[8] == []
    assert "sigma_w=0" in verdicts("explosion", settings, DEPTHS)["sde.explosion"].why


# -- planted faults -------------------------------------------------------------------------------

SAMPLED = ("sde.explosion.wide", "sde.explosion.late")
DEEP = (128, 512)


def test_networks_without_drift_are_refuted(monkeypatch: pytest.MonkeyPatch):
    plant(monkeypatch, ShallowNetwork, lambda phi, psi: ShallowNetwork("tanh", psi), within="resnet_limits.studies")
    judged = verdicts("explosion", replace(HIGH, replicas=64), DEEP)
    for name in SAMPLED:
        assert judged[name].verdict == "refuted", (name, judged[name].why)


def test_dt_in_place_of_its_root_is_refuted(monkeypatch: pytest.MonkeyPatch):
    act = Isotropic.act
    plant_method(monkeypatch, Isotropic, "act", lambda self, v, b, h, w: act(self, v, b, h**2, w))
    judged = verdicts("explosion", replace(HIGH, replicas=64), DEEP)
    for name in SAMPLED:
        assert judged[name].verdict == "refuted", (name, judged[name].why)


def test_weights_a_tenth_too_large_are_refuted(monkeypatch: pytest.MonkeyPatch):
    faults.weights_too_large(monkeypatch)
    judged = verdicts("explosion", replace(HIGH, replicas=64), DEEP)
    for name in ("sde.explosion.wide", "sde.explosion.late"):
        assert judged[name].verdict == "refuted", (name, judged[name].why)


def test_the_crossing_time_of_other_weights_is_refuted(monkeypatch: pytest.MonkeyPatch):
    careful = explosion.moments_of_wide
    plant(monkeypatch, explosion.moments_of_wide, lambda x0, w, b: careful(x0, 1.05 * w, b))
    judged = verdicts("explosion", replace(HIGH, replicas=8), (64, 128, 256, 512))
    assert judged["sde.explosion"].verdict == "refuted", judged["sde.explosion"].why


def test_sampled_networks_that_tend_to_another_time_are_refuted(monkeypatch: pytest.MonkeyPatch):
    careful = explosion.Moments.crossing_time
    monkeypatch.setattr(explosion.Moments, "crossing_time", lambda self, threshold: 0.7 * careful(self, threshold))
    judged = verdicts("explosion", replace(HIGH, replicas=64), DEEP)
    assert judged["sde.explosion.late"].verdict == "refuted", judged["sde.explosion.late"].why


def test_a_coarse_network_of_other_weights_is_refuted(monkeypatch: pytest.MonkeyPatch):
    careful = explosion.crossing_times

    def broken(depths: list[int], x0: torch.Tensor, law: Isotropic, **where: Any) -> list[torch.Tensor]:
        other = Isotropic(0.9 * law.sigma_w, law.sigma_b)
        return [careful([depths[0]], x0, other, **where)[0], *careful(depths, x0, law, **where)[1:]]

    plant(monkeypatch, explosion.crossing_times, broken)
    judgement = verdicts("explosion", HIGH, (128,))["sde.explosion.narrow"]
    assert judgement.verdict == "refuted", judgement.why


def test_a_drift_of_another_order_is_refuted(monkeypatch: pytest.MonkeyPatch):
    def slower(phi: str, m: torch.Tensor, q: torch.Tensor, v: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return moment_step(phi, m, q, v * (1 - 0.3 * v.sqrt()))  # off by O(sqrt(h))

    plant(monkeypatch, moment_step, slower)
    judged = verdicts("explosion", replace(HIGH, replicas=8), (64, 128, 256, 512))
    assert judged["sde.explosion"].verdict == "refuted", judged["sde.explosion"].why


def test_thresholds_and_steps_outside_are_named():
    judged = verdicts("explosion", replace(LOW, replicas=16), (8,))
    assert "no longer quadratic" in judged["sde.explosion"].why
    assert "sde.threshold=100" in judged["sde.explosion.late"].why
    near = verdicts("explosion", replace(LOW, replicas=16, sde=SdeKeys(norm=4.0)), (8,))
    assert "sde.norm=4" in near["sde.explosion"].why
