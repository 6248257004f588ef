"""`sde.backward.*`: Jacobians and gradients are those of autograd through full matrices, and red where they are broken.

Deviations are below 5 standard errors: an error probability of 6e-7 each, with fixed seeds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.autograd import forward_ad

from resnet_limits.claims.judge import judge
from resnet_limits.limits.moments import moments_at
from resnet_limits.measurement.estimate import mean, variance
from resnet_limits.measurement.job import Job
from resnet_limits.paths.laws.iid import IidLaw
from resnet_limits.runs.records import table
from resnet_limits.sampling.layer_law import Isotropic
from resnet_limits.sampling.pieces import NUMBERS_ON_TAPE, on_tape
from resnet_limits.sampling.schemes import ShallowNetwork
from resnet_limits.settings.content import job_name
from resnet_limits.studies.sde import unscaled
from resnet_limits.studies.sde.backward import measure as backward
from resnet_limits.studies.sde.backward.claims import GROUP, lyapunov
from resnet_limits.studies.sde.finite_depth import mean_squares
from resnet_limits.studies.sde.problem import inputs
from resnet_limits.studies.sde.settings import Sde
from tests.planting import plant, plant_method
from tests.studies.sde import faults
from tests.studies.sde.naive import Step, deviation, network, residual, weights
from tests.studies.verdicts import measured, verdicts

SMALL = Sde(width=16, replicas=512)
FULL = replace(SMALL, replicas=1024)
DEPTHS = (64,)
THEOREMS = ("sde.backward", "sde.backward.lyapunov", "sde.backward.costate", "sde.backward.gradient")
MARTINGALE = "sde.backward.lyapunov.martingale"
RATES = ("sde.backward.plain", "sde.backward.explosion")


def test_every_claim_is_supported():
    for claim, judgement in verdicts("backward", FULL, (16, 32, 64, 128)).items():
        if claim == "sde.backward.unscaled":  # its interval takes the full size
            assert judgement.measured is not None
            assert judgement.measured.value == pytest.approx(-0.5, abs=0.15)
        else:
            assert judgement.verdict == "supported", (claim, judgement.why)


@pytest.mark.parametrize("phi", ["tanh", "swish", "feed-forward"])
def test_gradients_are_those_of_backpropagation_through_full_matrices(phi: str):
    depth, d, r = 10, 6, 3000
    settings = Sde(width=d, depth=depth, replicas=r)
    function = torch.nn.functional.silu if phi == "swish" else torch.tanh
    scheme = unscaled.FeedForward("tanh") if phi == "feed-forward" else ShallowNetwork(phi)
    step: Step = (lambda x, z: torch.tanh(z)) if phi == "feed-forward" else residual(function)
    kind = unscaled.Sampled(scheme, Isotropic(0.9, 0.4), depth, 2.0, {})
    x0 = inputs(settings)[:1]
    passes = backward.sampled_passes(kind, x0, Job(settings), (0, 1), tangent=True)

    layers = weights(depth, (r, d), sigma_w=0.9, sigma_b=0.4, h=2.0 / depth)
    start = x0.expand(r, 1, d).clone().requires_grad_()
    matrices = [W.requires_grad_() for W, _ in layers]
    x = network(start, layers, step)
    p0, *by_weights = torch.autograd.grad(x.sum() / math.sqrt(d), [start, *matrices])
    assert deviation(mean(passes.growth), mean(2 * p0[:, 0].norm(dim=-1).log())) < 5
    with torch.no_grad(), forward_ad.dual_level():
        dual = forward_ad.make_dual(start.detach(), torch.full_like(start, d**-0.5))
        along = forward_ad.unpack_dual(network(dual, layers, step)).tangent
    assert along is not None
    assert deviation(mean(passes.tangent), mean(along[:, 0].norm(dim=-1).log())) < 5
    for ours, theirs in zip(passes.gradients, by_weights, strict=True):
        assert deviation(mean(ours.square()), mean(theirs.flatten(1).square().sum(dim=1))) < 5


@pytest.mark.slow
def test_the_closed_form_of_the_gradients_is_that_of_a_deep_network():
    (records,) = measured("backward", replace(SMALL, init=IidLaw(sigma_w=0.8, sigma_b=0.6)), (128,)).values()
    by_layer = [r for r in records if r.observable == "gradient_norm"]
    assert len(by_layer) == 64
    for record in by_layer:
        assert record.value == pytest.approx(record.reference, rel=0.12)
    exact = np.array([r.reference for r in by_layer]) ** 2
    ends = 1 + (1 - math.exp(-0.64)) * (0.6 / 0.8) ** 2
    assert exact[-1] / exact[0] == pytest.approx(ends, rel=0.015)  # up to the last layer shown, at T - 2 h


ACT = Isotropic.draw


def of_size_h(self, vectors, biased, h, stream):
    """`dt` in place of `sqrt(dt)`."""
    drawn = ACT(self, vectors, biased, h, stream)
    return replace(drawn, z=math.sqrt(h) * drawn.z, images=math.sqrt(h) * drawn.images)


def test_weights_of_size_h_are_seen(monkeypatch):
    transposed = Isotropic.transposed
    plant_method(monkeypatch, Isotropic, "draw", of_size_h)
    plant_method(
        monkeypatch,
        Isotropic,
        "transposed",
        lambda self, a, drawn, h, s: math.sqrt(h) * transposed(self, a, drawn, h, s),
    )
    judged = verdicts("backward", SMALL, DEPTHS)
    assert {judged[claim].verdict for claim in THEOREMS} == {"refuted"}, {c: judged[c].why for c in THEOREMS}


def test_a_drift_that_does_not_belong_there_is_seen(monkeypatch):
    # The exponent less its martingale does not see it; the martingale does.
    plant_method(monkeypatch, ShallowNetwork, "step", lambda self, x, f, z, h: x + torch.tanh(z) - h * x)
    judged = verdicts("backward", SMALL, DEPTHS)
    assert {judged[c].verdict for c in ("sde.backward", MARTINGALE, "sde.backward.gradient")} == {"refuted"}


@pytest.mark.slow
@pytest.mark.parametrize("rate", [0.02, -0.02])
def test_a_slow_drift_along_tangents_is_seen_by_the_martingale_alone(rate: float, monkeypatch):
    plant_method(monkeypatch, ShallowNetwork, "step", lambda self, x, f, z, h: x + torch.tanh(z) + 4 * rate * h * x)
    judged = verdicts("backward", replace(SMALL, replicas=1024), (256,))
    assert judged[MARTINGALE].verdict == "refuted", judged[MARTINGALE].why


@pytest.mark.slow
def test_an_exponent_without_what_finite_width_takes_is_refuted():
    # At the default width: 1/2 in place of 1/2 - 1/D.
    claim = next(c for c in GROUP.claims if c.id == "sde.backward.lyapunov")
    infinite = replace(claim.expected, value=lambda s: s.init.sigma_w**2 * s.horizon / 2)
    settings = replace(SMALL, depth=128)
    (records,) = measured("backward", settings, (128,)).values()
    frame = table(settings, records, job=job_name(settings))
    assert judge(claim, settings, frame, {}).verdict == "supported"
    assert judge(replace(claim, expected=infinite), settings, frame, {}).verdict == "refuted"


@pytest.mark.parametrize("width", [16, 64])
def test_the_error_of_the_exponent_at_finite_depth_is_the_derived_one(width: int):
    settings = Sde(width=width, replicas=4096, depth=16, init=IidLaw(sigma_w=0.8, sigma_b=0.6))
    record = next(r for r in backward.measure(Job(settings)).records if r.observable == "lyapunov_top")
    off = lyapunov(settings) - record.value  # tangents grow more slowly than in the limit
    assert off == pytest.approx(record.reference_error, rel=0.3, abs=4 * record.stderr)
    assert off > 4 * record.stderr


def test_the_martingale_has_mean_zero_and_leaves_little():
    settings = replace(SMALL, replicas=4096, depth=32)
    x0 = inputs(settings)[:1]
    passes = backward.sampled_passes(unscaled.scaled(settings), x0, Job(settings), (0, 1), tangent=True)
    centre, error = mean(passes.martingale)
    assert abs(centre) < 5 * error
    assert float((passes.tangent - passes.martingale).var()) < 0.05 * float(passes.tangent.var())
    assert float(passes.martingale.var()) == pytest.approx(0.25 / 16, rel=0.1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "broken"),
    [
        (faults.weights_a_fifth_smaller, "sde.backward"),
        (faults.weights_a_fifth_larger, "sde.backward"),
        (faults.half_the_variance_of_the_biases, "sde.backward.gradient"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_sizes_that_are_off_are_seen(fault: Callable[[pytest.MonkeyPatch], None], broken: str, monkeypatch):
    fault(monkeypatch)
    judgement = verdicts("backward", FULL, (128,))[broken]
    assert judgement.verdict == "refuted", judgement.why


@pytest.mark.slow
@pytest.mark.parametrize(("sigma_w", "depth"), [(2.0, 128), (1.5, 64)])
def test_networks_that_are_not_deep_enough_refute_nothing(sigma_w: float, depth: int):
    settings = replace(SMALL, init=IidLaw(sigma_w=sigma_w, sigma_b=0.5))
    judged = verdicts("backward", settings, (depth,))
    assert "refuted" not in {judged[claim].verdict for claim in THEOREMS}, {c: judged[c].why for c in THEOREMS}


@pytest.mark.parametrize(("sigma_w", "sigma_b"), [(0.8, 0.6), (1.0, 0.3)])
def test_mean_squares_at_a_depth_are_those_of_infinite_width(sigma_w: float, sigma_b: float):
    settings = Sde(width=128, replicas=2048, depth=8, init=IidLaw(sigma_w=sigma_w, sigma_b=sigma_b))
    x0 = inputs(settings)[:1]
    passes = backward.sampled_passes(unscaled.scaled(settings), x0, Job(settings), (0, 1), tangent=True)
    square, by_layer = mean_squares(settings, x0)
    square_measured = mean((2 * passes.tangent).exp())
    assert deviation(square_measured, (square, 0.01 * square)) < 5  # 1/D
    assert abs(square / math.exp(sigma_w**2) - 1) > 0.05  # and not those of the limit
    for gradients, exact in zip(passes.gradients, by_layer, strict=True):
        assert float(gradients.square().mean()) / 128 == pytest.approx(exact, rel=0.03)


def test_what_rare_networks_carry_and_what_overflows_is_not_judged():
    for horizon, reason in ((40.0, "rare networks"), (900.0, "beyond float64")):
        settings = replace(SMALL, replicas=16, horizon=horizon, init=IidLaw(sigma_w=1.0, sigma_b=0.5))
        judged = verdicts("backward", settings, (8,))
        for claim in ("sde.backward", "sde.backward.gradient"):
            assert judged[claim].verdict == "inconclusive"
            assert reason in judged[claim].why


@pytest.mark.slow
def test_depths_have_noise_of_their_own():
    ends = [measured("backward", SMALL, (depth,))[depth] for depth in (64, 65)]
    off = [next(r.value for r in records if r.observable == "lyapunov_martingale") for records in ends]
    assert abs(off[0] - off[1]) > 1e-3


def test_weights_of_size_one_are_seen(monkeypatch):
    """The unscaled network in place of the scaled one: gradients explode."""
    plant(
        monkeypatch,
        unscaled.scaled,
        lambda s: unscaled.Sampled(ShallowNetwork("tanh"), Isotropic(0.5, 0.5), s.depth, float(s.depth), {}),
    )
    judged = verdicts("backward", SMALL, DEPTHS)
    assert {judged[claim].verdict for claim in THEOREMS} == {"refuted"}, {c: judged[c].why for c in THEOREMS}


@pytest.mark.slow
def test_controls_are_refuted_by_networks_with_the_factor(monkeypatch):
    def scaled(scheme, depth, pins):
        return unscaled.Sampled(ShallowNetwork("tanh"), Isotropic(0.5, 0.5), depth, 4.0, pins)

    plant(monkeypatch, unscaled.without_the_factor, scaled)
    judged = verdicts("backward", replace(SMALL, replicas=1024), (8, 16, 32, 64))
    assert {judged[claim].verdict for claim in (*RATES, "sde.backward.unscaled")} == {"refuted"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"activation": "relu"}, "smooth at 0"), ({"init": IidLaw(sigma_w=0.0, sigma_b=0.5)}, "Jacobian is the identity")],
    ids=["relu", "no weights"],
)
def test_outside_the_closed_law_there_is_a_reason(change, reason):
    judged = verdicts("backward", replace(SMALL, replicas=32, **change), (8,))
    assert judged["sde.backward"].verdict == "inconclusive"
    assert reason in judged["sde.backward"].why


def test_pieces_of_replicas_hold_as_many_as_the_tape_allows():
    assert [count for _, count in on_tape(1000, 8 * 16 * 16)] == [1000]
    wide = [count for _, count in on_tape(1000, 8 * 512 * 64)]
    assert sum(wide) == 1000
    assert wide[0] * 8 * 512 * 64 <= NUMBERS_ON_TAPE


# -- costates, and Jacobians of swish --------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("width", [4, 32])
def test_costates_have_the_law_of_the_limit(width: int):
    # Two two-sided tests at 5 standard errors.
    settings = Sde(width=width, replicas=2048, depth=256, init=IidLaw(sigma_w=0.8, sigma_b=0.6))
    x0 = inputs(settings)[:1]
    passes = backward.sampled_passes(unscaled.scaled(settings), x0, Job(settings), (0, 1), tangent=True)
    value, stderr = mean(passes.growth / 2)
    assert abs(value - lyapunov(settings)) < 5 * stderr + 0.01
    spread, error = variance(passes.growth / 2)
    assert spread == pytest.approx(0.64 / width, abs=5 * error)
    centre, its_error = mean(passes.back)
    assert abs(centre) < 5 * its_error


def test_costates_that_forget_what_was_drawn_break_the_duality(monkeypatch):
    # Fresh weights backward: of the right law alone, and not those of the forward pass.
    careful = Isotropic.transposed

    def fresh(self, costates, drawn, h, stream):
        return careful(self, costates, replace(drawn, basis=0 * drawn.basis, images=0 * drawn.images), h, stream)

    plant_method(monkeypatch, Isotropic, "transposed", fresh)
    judged = verdicts("backward", SMALL, DEPTHS)
    assert judged["sde.backward.duality"].verdict == "refuted", judged["sde.backward.duality"].why


def test_the_drift_of_jacobians_is_the_derivative_of_the_moments_in_closed_form():
    init, m0, q0, horizon = IidLaw(sigma_w=0.9, sigma_b=0.4), 0.3, 1.1, 0.7

    def mean_at(shift: float) -> float:
        q, times, m = torch.tensor([[(1 + shift) ** 2 * q0], [horizon], [(1 + shift) * m0]], dtype=torch.float64)
        return float(moments_at("swish", 0.9, 0.4, q, times, m)[0])

    step = 1e-4
    closed = (mean_at(step) - mean_at(-step)) / (2 * step) - m0
    drift = backward.drift_of_tangents(init, m0, q0, horizon)
    assert drift == pytest.approx(closed, rel=1e-4)
    errors = [backward.drift_at_depth(init, m0, q0, horizon, depth) - drift for depth in (200, 400)]
    assert math.log2(abs(errors[0] / errors[1])) == pytest.approx(1, abs=0.05)


def test_a_jacobian_of_swish_with_another_drift_is_refuted(monkeypatch):
    careful = backward.drift_of_tangents
    plant(monkeypatch, careful, lambda *where: 0.5 * careful(*where))
    judgement = verdicts("backward", SMALL, DEPTHS)["sde.backward.swish"]
    assert judgement.verdict == "refuted", judgement.why
