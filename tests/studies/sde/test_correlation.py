"""`sde.correlation.*`: the right values by full matrices and closed forms, and red where the physics is broken.

Deviations are below 5 standard errors: an error probability of 6e-7 each, with fixed seeds.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from resnet_limits.errors import SettingError
from resnet_limits.limits.overlaps import gaussian_products
from resnet_limits.measurement.job import Job
from resnet_limits.networks.gaussian_means import gaussian_mean, gaussian_mean_square
from resnet_limits.paths.laws.iid import IidLaw
from resnet_limits.paths.laws.matrix_normal import MatrixNormalLaw
from resnet_limits.sampling.layer_law import Isotropic
from resnet_limits.sampling.schemes import ShallowNetwork
from resnet_limits.settings.keys import flat
from resnet_limits.studies.sde import unscaled
from resnet_limits.studies.sde.correlation import claims
from resnet_limits.studies.sde.correlation import measure as correlation
from resnet_limits.studies.sde.correlation.claims import PAIR_NAMES
from resnet_limits.studies.sde.settings import Sde, SdeKeys
from tests.planting import plant, plant_method, resize
from tests.studies.sde import faults
from tests.studies.sde.naive import Step, deviation, network, residual, weights
from tests.studies.verdicts import measured, verdicts

SMALL = Sde(width=16, replicas=512)
FULL = replace(SMALL, replicas=1024)
DEPTHS = (128,)
THEOREMS = tuple(f"sde.correlation{suffix}" for suffix in ("", ".norm", ".overlap", ".below_one", ".inputs"))
CONTROLS = ("plain", "unscaled.prefactor", "unscaled.norm", "explosion")
ORDER = "sde.correlation.unscaled"
FEW = replace(SMALL, replicas=128)
STEPS: dict[str, Step] = {
    "scaled": residual(torch.tanh),
    "feed-forward": lambda x, z: torch.tanh(z),
    "unscaled-tanh": residual(torch.tanh),
    "unscaled-swish": residual(torch.nn.functional.silu),
}


def test_every_claim_is_supported():
    for claim, judgement in verdicts("correlation", FULL, DEPTHS).items():
        if claim != ORDER:  # it takes four depths
            assert judgement.verdict == "supported", (claim, judgement.why)


def test_decorrelation_has_the_order_of_infinite_width():
    judgement = verdicts("correlation", FEW, (8, 16, 32, 64))[ORDER]
    assert judgement.measured is not None
    assert judgement.measured.value == pytest.approx(correlation.EXPONENT_OF_DECORRELATION, abs=0.08)
    assert judgement.measured.low < correlation.EXPONENT_OF_DECORRELATION < judgement.measured.high


def test_decorrelation_is_that_of_networks_with_full_matrices(monkeypatch):
    resize(monkeypatch, claims, WIDTH_OF_DECORRELATION=6)
    settings = Sde(width=16, depth=12, replicas=2000)
    record = correlation.decorrelation(Job(settings))[0]
    x0 = correlation.four_inputs(settings, 6)[[0, 2]]
    x0 = x0 / x0.square().mean(dim=-1, keepdim=True).sqrt()
    layers = weights(12, (4000, 6), sigma_w=4.0, sigma_b=0.5, h=1.0)
    x = network(x0.expand(4000, 2, 6), layers, residual(torch.tanh))
    assert deviation((record.value, record.stderr), jackknife(x[:, 0], x[:, 1])) < 5


def test_networks_that_keep_their_correlations_refute_the_order(monkeypatch):
    def scaled(scheme, depth, pins):
        return unscaled.Sampled(ShallowNetwork("tanh"), Isotropic(0.5, 0.5), depth, 1.0, pins)

    plant(monkeypatch, unscaled.without_the_factor, scaled)
    judgement = verdicts("correlation", FEW, (8, 16, 32, 64))[ORDER]
    assert judgement.verdict == "refuted", judgement.why


@pytest.mark.parametrize("scheme", list(STEPS))
def test_correlations_are_those_of_networks_with_full_matrices(scheme: str):
    settings = Sde(width=6, depth=12, replicas=4000, horizon=1.5)
    measurement = correlation.measure(Job(settings))
    measured = {
        r.coordinates["pair"]: (r.value, r.stderr)
        for r in measurement.records
        if r.observable == "correlation" and r.layer is None and r.coordinates["scheme"] == scheme
    }
    pins = next(r.coordinates for r in measurement.records if r.coordinates.get("scheme") == scheme)
    sigma_w, sigma_b = (float(pins.get(f"init.{size}", 0.5)) for size in ("sigma_w", "sigma_b"))
    h = settings.horizon / settings.depth if scheme == "scaled" else 1.0
    x0 = correlation.four_inputs(settings)
    x = network(
        x0.expand(4000, *x0.shape),
        weights(settings.depth, (4000, 6), sigma_w=sigma_w, sigma_b=sigma_b, h=h),
        STEPS[scheme],
    )
    for pair, (i, j) in zip(PAIR_NAMES, correlation.INPUTS_OF_PAIRS, strict=True):
        assert deviation(measured[pair], jackknife(x[:, i], x[:, j])) < 5


def jackknife(x: torch.Tensor, y: torch.Tensor, blocks: int = 50) -> tuple[float, float]:
    """`E <x, y> / sqrt(E |x|^2 E |y|^2)` and its standard error, leaving out one block of replicas at a time."""
    sums = torch.stack([(a * b).sum(-1).view(blocks, -1).sum(-1) for a, b in ((x, y), (x, x), (y, y))])
    rest = sums.sum(dim=1, keepdim=True) - sums
    left_out = rest[0] / (rest[1] * rest[2]).sqrt()
    whole = sums.sum(dim=1)
    return float(whole[0] / (whole[1] * whole[2]).sqrt()), math.sqrt(blocks - 1) * float(left_out.std(correction=0))


@pytest.mark.parametrize("sigma_w", [0.0, 0.7])
def test_the_closed_form_solves_the_equation_of_the_overlaps(sigma_w: float):
    settings = replace(SMALL, init=IidLaw(sigma_w=sigma_w, sigma_b=0.4), horizon=2.0, depth=4)
    x0 = correlation.four_inputs(settings).numpy()
    gram = (x0 @ x0.T / 16).ravel()
    end = solve_ivp(lambda _, q: sigma_w**2 * q + 0.16, (0, 2), gram, rtol=1e-11, atol=1e-12).y[:, -1].reshape(4, 4)
    exact = [end[i, j] / math.sqrt(end[i, i] * end[j, j]) for i, j in correlation.INPUTS_OF_PAIRS]
    exact_overlaps = correlation.closed_correlations(settings, torch.from_numpy(x0), [0, 4])
    assert exact_overlaps is not None
    np.testing.assert_allclose(exact_overlaps[:, 1], exact, rtol=1e-8)


def test_inputs_have_the_stated_norms_and_cosines():
    for settings in (SMALL, replace(SMALL, sde=replace(SMALL.sde, correlation=1.0, norm=3.0))):
        x = correlation.four_inputs(settings)
        cosines = x @ x[0] / (x.norm(dim=-1) * x[0].norm())
        np.testing.assert_allclose(cosines, [1, settings.sde.correlation, 0.9, -0.5], atol=1e-12)
        np.testing.assert_allclose(x.square().mean(dim=-1), settings.sde.norm, rtol=1e-12)
    assert correlation.four_inputs(Sde(width=1, sde=SdeKeys(correlation=1.0))).isfinite().all()
    with pytest.raises(SettingError, match="that many inputs at equal angles need a width of at least 2"):
        correlation.four_inputs(Sde(width=1))


def test_the_prefactor_of_decorrelation_is_that_of_infinite_width():
    # erf(sqrt(pi)/2 z) has the slope and the limits of tanh, and Gaussian products in closed form (Williams 1997).
    def product(s: float, v: float, w: float) -> float:
        return 2 / math.pi * math.asin(0.5 * math.pi * s / math.sqrt((1 + 0.5 * math.pi * v) * (1 + 0.5 * math.pi * w)))

    q, mixed = 1.0, 0.9
    for _ in range(512):
        v, s = 0.25 + 16 * q, 0.25 + 16 * mixed
        q, mixed = q + product(v, v, v), mixed + product(s, v, v)
    assert mixed / q * 512 ** (1 - 2 / math.pi) == pytest.approx(1.71, abs=0.06)


def test_the_prefactor_of_tanh_is_that_of_its_own_recursion():
    overlaps = torch.tensor([[1.0, 0.9], [0.9, 1.0]], dtype=torch.float64)
    for _ in range(64):
        overlaps = overlaps + gaussian_products("tanh", 0.25 + 16 * overlaps, nodes=300)
    exact = float(overlaps[0, 1] / overlaps[0, 0]) * 64 ** (1 - 2 / math.pi)
    assert exact == pytest.approx(1.653, abs=0.002)  # and 1.709 at 512, with 841 nodes
    record = correlation.decorrelation(Job(replace(SMALL, depth=64)))[1]
    assert abs(record.value - exact) < 5 * record.stderr


def test_the_rate_of_explosion_is_that_of_the_recursion_of_swish():
    # Not of relu, whose fixed point it is: means and mean squares of swish itself, at infinite width.
    m, q, sizes = torch.zeros((), dtype=torch.float64), torch.ones((), dtype=torch.float64), []
    for _ in range(60):
        v = 0.25 + 0.25 * q
        mu = gaussian_mean("swish", v)
        m, q = m + mu, q + 2 * m * mu + gaussian_mean_square("swish", v)
        sizes.append(math.log(float(q)))
    assert sizes[-1] - sizes[-2] == pytest.approx(claims.SWISH_RATE, abs=1e-5)
    settled = (sizes[59] - sizes[31]) / 28
    assert settled == pytest.approx(claims.SWISH_RATE, abs=1e-3)
    assert (sizes[15] - sizes[7]) / 8 < claims.SWISH_RATE - 3 * 0.006  # of too few layers


def test_records_by_layer_are_few_and_end_at_the_limit():
    (records,) = measured("correlation", replace(SMALL, replicas=16), (200,)).values()
    by_layer = [r for r in records if r.observable == "correlation" and r.coordinates["scheme"] == "scaled"]
    shown = [r.layer for r in by_layer if r.layer is not None]
    assert shown == list(range(0, 200, 4))
    assert all(math.isfinite(r.reference) for r in by_layer)


# -- broken physics turns the claims red ----------------------------------------------------------

ACT = Isotropic.act


def biases_of_size_one(self, vectors, biased, h, stream):
    """Biases without the factor `sqrt(h)`."""
    return ACT(Isotropic(self.sigma_w, self.sigma_b / math.sqrt(h)), vectors, biased, h, stream)


@pytest.mark.slow
def test_weights_of_size_h_are_seen(monkeypatch):
    faults.dt_for_its_root(monkeypatch)
    judged = verdicts("correlation", SMALL, DEPTHS)
    assert judged["sde.correlation"].verdict == judged["sde.correlation.inputs"].verdict == "refuted"


@pytest.mark.slow
def test_weights_that_are_not_shared_are_seen(monkeypatch):
    faults.noise_of_its_own_for_each_input(monkeypatch, None)
    judged = verdicts("correlation", SMALL, DEPTHS)
    assert judged["sde.correlation"].verdict == judged["sde.correlation.inputs"].verdict == "refuted"


@pytest.mark.slow
def test_biases_without_their_factor_are_seen(monkeypatch):
    plant_method(monkeypatch, Isotropic, "act", biases_of_size_one)
    judged = verdicts("correlation", SMALL, DEPTHS)
    assert {judged[claim].verdict for claim in THEOREMS} == {"refuted"}


@pytest.mark.slow
def test_a_drift_that_does_not_belong_there_is_seen(monkeypatch):
    plant_method(monkeypatch, ShallowNetwork, "step", lambda self, x, f, z, h: x + torch.tanh(z) - h * x)
    assert verdicts("correlation", SMALL, DEPTHS)["sde.correlation"].verdict == "refuted"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "broken"),
    [
        (faults.weights_a_fifth_smaller, ("norm",)),
        (faults.weights_a_fifth_larger, ("norm",)),
        (faults.half_the_variance_of_the_biases, ("norm", "overlap", "below_one", "inputs")),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_sizes_that_are_off_are_seen(fault, broken: tuple[str, ...], monkeypatch):
    fault(monkeypatch)
    judged = verdicts("correlation", FULL, DEPTHS)
    assert {judged[f"sde.correlation.{claim}"].verdict for claim in broken} == {"refuted"}


def test_networks_that_are_not_deep_enough_refute_nothing():
    settings = replace(SMALL, width=32, init=IidLaw(sigma_w=1.5, sigma_b=0.5))
    judged = verdicts("correlation", settings, (16,))
    assert "refuted" not in {judged[claim].verdict for claim in THEOREMS}, {c: judged[c].why for c in THEOREMS}
    norm = judged["sde.correlation.norm"].measured
    assert norm is not None
    assert norm.low < -0.2  # and those of infinite width are indeed far from the limit


def test_overlaps_at_a_depth_are_those_of_infinite_width():
    settings = Sde(width=128, replicas=2048, depth=8, init=IidLaw(sigma_w=1.0, sigma_b=0.5))
    records = {r.observable: r for r in correlation.measure(Job(settings)).records if r.observable.endswith("_error")}
    for name in ("norm_error", "overlap_error"):
        record = records[name]
        assert record.value == pytest.approx(-record.reference_error, rel=0.05, abs=5 * record.stderr)
        assert record.reference_error > 10 * record.stderr


def test_what_rare_networks_carry_is_not_judged():
    judged = verdicts("correlation", replace(SMALL, replicas=64, init=IidLaw(sigma_w=3.0, sigma_b=0.5)), (16,))
    for claim in THEOREMS:
        assert judged[claim].verdict == "inconclusive"
        assert "rare networks" in judged[claim].why


@pytest.mark.slow
def test_controls_are_refuted_by_networks_with_the_factor(monkeypatch):
    def scaled(scheme, depth, pins):
        return unscaled.Sampled(ShallowNetwork("tanh"), Isotropic(0.5, 0.5), depth, 1.0, pins)

    plant(monkeypatch, unscaled.without_the_factor, scaled)
    judged = verdicts("correlation", SMALL, DEPTHS)
    assert {judged[f"sde.correlation.{control}"].verdict for control in CONTROLS} == {"refuted"}


# -- settings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"activation": "relu"}, "smooth at 0"),
        ({"activation": "swish"}, "phi''(0) = 0"),
        ({"activation_inside": "tanh"}, "activation_inside=identity"),
        ({"init": MatrixNormalLaw()}, "init=iid"),
        ({"init": IidLaw(sigma_w=0.0, sigma_b=0.0)}, "weights are zero"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_outside_the_closed_law_there_is_a_reason_and_the_controls_go_on(change, reason):
    judged = verdicts("correlation", replace(SMALL, replicas=64, **change), DEPTHS)
    for claim in THEOREMS:
        assert judged[claim].verdict == "inconclusive"
        assert reason in judged[claim].why
    assert {judged[f"sde.correlation.{control}"].verdict for control in CONTROLS} <= {"supported", "inconclusive"}


def test_an_exploding_network_puts_no_infinity_into_a_table():
    settings = replace(SMALL, activation="swish", horizon=4000.0, dtype="float32", replicas=64, depth=128)
    records = correlation.measure(Job(settings)).records
    outputs = [r.coordinates["scheme"] for r in records if r.observable == "correlation" and r.layer is None]
    assert sorted(set(outputs)) == ["feed-forward", "unscaled-swish", "unscaled-tanh"]
    assert all(math.isfinite(r.value) for r in records)


def test_pinned_keys_are_keys_and_stand_in_the_records():
    (records,) = measured("correlation", replace(SMALL, replicas=16), (8,)).values()
    for record in records:
        if record.coordinates.get("scheme", "scaled") != "scaled":
            assert {"activation", "activation_inside", "init.sigma_w", "sde.norm"} <= set(record.coordinates)
            assert set(record.coordinates) - {"scheme", "pair"} <= set(flat(SMALL))
