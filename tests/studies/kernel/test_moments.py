"""`kernel.moments.*`: right by quadrature and an ODE solver, and red where the physics is broken."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from resnet_limits.limits.kernel import LimitKernel
from resnet_limits.networks.activations.swish import Swish
from resnet_limits.paths.laws.iid import IidLaw
from resnet_limits.studies.kernel import kernels
from resnet_limits.studies.kernel.kernels import finite_kernel, finite_moments
from resnet_limits.studies.kernel.moments import measure as moments
from resnet_limits.studies.kernel.problem import overlaps_after_read_in, pair
from tests.planting import plant
from tests.studies.kernel.small import SMALL
from tests.studies.verdicts import measured, value, verdicts

DEPTHS = (32, 64, 128, 256)
CLAIMS = ("kernel.moments.q", "kernel.moments.lambda", "kernel.moments.ntk")
SWISH = tuple(f"kernel.moments.swish.{of}" for of in ("q", "lambda", "m", "ntk"))


def test_every_claim_is_supported():
    for claim, judgement in verdicts("moments", SMALL, DEPTHS).items():
        assert judgement.verdict == "supported", (claim, judgement.why)


@pytest.mark.parametrize(("phi", "slope", "curvature"), [("tanh", 1.0, 0.0), ("swish", 0.5, 0.5)])
def test_limits_are_those_of_the_closed_equations(phi: str, slope: float, curvature: float):
    gram = overlaps_after_read_in(pair(SMALL)).numpy()

    def velocity(_, state):
        m1, m2, q1, q2, mixed = state
        v1, v2 = 0.25 + q1, 0.25 + q2
        change = [curvature * v1 / 2, curvature * v2 / 2]
        change += [(curvature * m1 + slope**2) * v1, (curvature * m2 + slope**2) * v2]
        return [*change, curvature / 2 * (m1 * v2 + m2 * v1) + slope**2 * (0.25 + mixed)]

    start = [0, 0, gram[0, 0], gram[1, 1], gram[0, 1]]
    end = solve_ivp(velocity, (0, 1), start, rtol=1e-11, atol=1e-12).y[:, -1]
    moments = kernels.limit_moments(SMALL, overlaps_after_read_in(pair(SMALL)), phi=phi)
    np.testing.assert_allclose([moments["m"], moments["q"], moments["lambda"]], end[[0, 2, 4]], rtol=1e-8, atol=1e-9)


def test_the_recursion_is_that_of_networks_whose_width_is_large():
    rng, h = np.random.default_rng(0), 1 / 8
    z = pair(SMALL).numpy()
    x = rng.standard_normal((200_000, 64)) @ z.T / 8.0  # coordinates are independent: each is a network of width 1
    q, m, mixed = (np.array([0.0] * 8) for _ in range(3))
    for k in range(8):
        gram = x.T @ x / len(x)
        noise = rng.multivariate_normal([0, 0], h * (0.25 + gram), size=len(x))
        x = x + noise / (1 + np.exp(-noise))
        q[k], m[k], mixed[k] = (x[:, 0] ** 2).mean(), x[:, 0].mean(), (x[:, 0] * x[:, 1]).mean()
    moments = kernels.finite_moments(SMALL, overlaps_after_read_in(pair(SMALL)), 8, phi="swish")
    np.testing.assert_allclose([moments["q"], moments["m"], moments["lambda"]], [q[-1], m[-1], mixed[-1]], atol=0.015)


@pytest.mark.slow
def test_the_constant_and_the_blow_up_time_are_recorded():
    records = measured("moments", SMALL, (256,))[256]
    constants = {
        (r.coordinates["scheme"], r.coordinates["of"]): r.value for r in records if r.observable == "depth_constant"
    }
    assert set(constants) == {
        *(("own", of) for of in ("q", "lambda", "ntk")),
        *(("swish", of) for of in moments.WORDS_OF_MOMENTS),
    }
    assert -4 < constants["own", "q"] < -3
    time = value(records, "blow_up_time")
    assert time.coordinates["scheme"] == "swish"
    assert time.value == pytest.approx(5.5, abs=0.5)


# -- broken physics turns the claims red ----------------------------------------------------------

DEEP = (128, 256, 512, 1024)
"""Where what does not vanish is most of the error."""


@pytest.mark.slow
def test_a_step_of_another_size_is_seen(monkeypatch):
    plant(
        monkeypatch,
        finite_kernel,
        lambda s, kind, depth, **more: finite_kernel(replace(s, horizon=0.7), kind, depth, **more),
    )
    judged = verdicts("moments", SMALL, DEEP)
    assert judged["kernel.moments.lambda"].verdict == judged["kernel.moments.swish.lambda"].verdict == "refuted"


@pytest.mark.slow
def test_a_limit_without_its_ito_drift_is_seen(monkeypatch):
    monkeypatch.setattr(Swish, "curvature_at_0", 0.0)
    judged = verdicts("moments", SMALL, DEEP)
    assert judged["kernel.moments.swish.q"].verdict == "refuted"


@pytest.mark.slow
def test_weights_of_another_size_are_seen(monkeypatch):
    def small(settings):
        init = settings.init
        return replace(settings, init=IidLaw(sigma_w=0.7 * init.sigma_w, sigma_b=init.sigma_b))

    plant(
        monkeypatch,
        finite_moments,
        lambda settings, *arguments, **more: finite_moments(small(settings), *arguments, **more),
    )
    plant(
        monkeypatch,
        finite_kernel,
        lambda settings, *arguments, **more: finite_kernel(small(settings), *arguments, **more),
    )
    judged = verdicts("moments", SMALL, DEEP)
    assert {judged[claim].verdict for claim in (*CLAIMS, *SWISH)} <= {"refuted", "inconclusive"}
    assert judged["kernel.moments.q"].verdict == "refuted"


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["tanh", "swish"])
@pytest.mark.parametrize("kind", ["nngp", "ntk"])
def test_a_limit_kernel_of_another_slope_is_seen(activation: str, kind: str, monkeypatch):
    right = LimitKernel.__dict__["slope"].func
    monkeypatch.setattr(LimitKernel, "slope", property(lambda self: right(self) * (1.1 if self.kind == kind else 1)))
    judged = verdicts("moments", replace(SMALL, activation=activation), DEEP)
    wrong, other = ("lambda", "ntk") if kind == "nngp" else ("ntk", "lambda")
    for claim in ("kernel.moments", "kernel.moments.swish"):
        assert judged[f"{claim}.{wrong}"].verdict == "refuted"
        assert judged[f"{claim}.{other}"].verdict == "supported"


# -- settings -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_without_a_slope_at_zero_the_limit_is_out_of_reach_and_swish_goes_on():
    judged = verdicts("moments", replace(SMALL, activation="relu"), DEPTHS)
    for claim in CLAIMS:
        assert judged[claim].verdict == "inconclusive"
        assert "no phi'(0)" in judged[claim].why
    assert {judged[claim].verdict for claim in SWISH} == {"supported"}


@pytest.mark.parametrize("horizon", [4.6, 6.0])
def test_beyond_the_blow_up_there_is_a_reason(horizon: float):
    judged = verdicts("moments", replace(SMALL, activation="swish", horizon=horizon), (32, 64))
    for claim in (*CLAIMS, *SWISH):
        assert judged[claim].verdict == "inconclusive"
        assert "beyond the blow-up time" in judged[claim].why


def test_near_the_blow_up_no_order_is_read():
    judged = verdicts("moments", replace(SMALL, horizon=4.3), (16, 32, 64, 128))
    assert "no order can be read above 0.1" in judged["kernel.moments.swish.q"].why
