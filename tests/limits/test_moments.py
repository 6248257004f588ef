"""Moments in closed form: an adaptive solver, the exponential, explosions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
import pytest
import torch
from hypothesis import assume, example, given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from resnet_limits.errors import SettingError
from resnet_limits.limits.explosion import Moments
from resnet_limits.limits.moments import explosion_times, moments_at
from resnet_limits.networks.taylor import CURVATURE, SLOPE

from .limit_laws import LimitLaws

Q0 = torch.tensor([0.2, 1.0, 2.5], dtype=torch.float64)


def solved(phi: str, sigma_w: float, sigma_b: float, m0: float, q0: float, horizon: float) -> tuple[float, float]:
    slope, curvature = SLOPE[phi], CURVATURE[phi]

    def velocity(t: float, y: np.ndarray) -> list[float]:
        v = sigma_b**2 + sigma_w**2 * y[1]
        return [curvature / 2 * v, (curvature * y[0] + slope**2) * v]

    m, q = solve_ivp(velocity, (0, horizon), [m0, q0], method="DOP853", rtol=1e-13, atol=1e-13).y[:, -1]
    return float(m), float(q)


@dataclass(frozen=True)
class Closed:
    """The closed forms of an activation at sizes of weights and biases."""

    phi: str
    sigma_w: float
    sigma_b: float


class TestMoments(LimitLaws):
    """`(m, q)` of several inputs, (2, n), from means that are zero and that are not."""

    cases: ClassVar = {
        f"{phi}-{w}-{b}": partial(Closed, phi, w, b)
        for phi in sorted(SLOPE)
        for w, b in ((1.0, 0.4), (0.7, 0.0), (0.0, 1.2), (1e-5, 1.0))
    }
    horizon = 0.7
    rounding = 2e-12

    def start(self, case: Closed) -> torch.Tensor:
        m0 = torch.tensor([0.0, 0.3, -1.5], dtype=torch.float64).repeat_interleave(len(Q0))
        return torch.stack([m0, Q0.repeat(3) + m0**2])

    def flow(self, case: Closed, start: torch.Tensor, since: float, until: float) -> tuple[torch.Tensor, float]:
        times = torch.tensor([0.0, until - since], dtype=torch.float64)
        m, q = moments_at(case.phi, case.sigma_w, case.sigma_b, start[1], times, m0=start[0])
        assert torch.equal(torch.stack([m[0], q[0]]), start)
        return torch.stack([m[1], q[1]]), 0.0

    def independent(self, case: Closed, start: torch.Tensor, until: float) -> torch.Tensor:
        ends = [solved(case.phi, case.sigma_w, case.sigma_b, m0, q0, until) for m0, q0 in start.T.tolist()]
        return torch.tensor(ends, dtype=torch.float64).T


def test_without_curvature_mean_squares_are_exponential():
    m, q = moments_at("tanh", 1.3, 0.5, Q0, torch.tensor([2.0], dtype=torch.float64))
    c = (0.5 / 1.3) ** 2
    torch.testing.assert_close(q[0], (Q0 + c) * math.exp(1.3**2 * 2) - c, rtol=1e-14, atol=0)
    assert not m.any()


@pytest.mark.parametrize("phi", ["swish", "gelu"])
def test_the_explosion_is_where_the_adaptive_solver_grows_without_bound(phi: str):
    at = float(explosion_times(phi, 1.2, 0.3, Q0)[1])
    near = torch.tensor([at * (1 - 1e-4), at * (1 - 1e-5)], dtype=torch.float64)
    _, q = moments_at(phi, 1.2, 0.3, Q0[1:2], near)
    assert float(q[0, 0]) == pytest.approx(solved(phi, 1.2, 0.3, 0.0, 1.0, float(near[0]))[1], rel=1e-6)
    # u' = a u^2 at the end: u = 1/(a (t* - t)), q = u^2.
    assert float(q[1, 0] / q[0, 0]) == pytest.approx(100, rel=0.01)


@given(st.floats(-2, 2), st.floats(0, 3), st.floats(0.05, 2), st.floats(0, 2), st.sampled_from(["swish", "gelu"]))
@example(1e-16, 1e-16, 1.0, 0.0, "swish")  # almost at rest
@example(0.0, 1e-16, 1.0, 0.0, "swish")
def test_explosion_times_are_those_of_the_integral(m0: float, spread: float, sigma_w: float, sigma_b: float, phi: str):
    # The other formula, by an arc tangent or logarithm of u = m + phi'(0)^2/phi''(0).
    q0 = m0**2 + spread
    assume(not 0 < q0 + (sigma_b / sigma_w) ** 2 < 1e-250)  # squares of numbers that float64 cannot square
    other = Moments(SLOPE[phi], CURVATURE[phi], sigma_w, sigma_b, m0, q0).explosion_time()
    one = explosion_times(phi, sigma_w, sigma_b, *(torch.tensor([x], dtype=torch.float64) for x in (q0, m0)))
    if math.isfinite(other) and other < 1e6:
        assert float(one[0]) == pytest.approx(other, rel=1e-6)


def test_nothing_explodes_without_curvature_or_weights():
    for phi, sigma_w in (("tanh", 3.0), ("identity", 1.0), ("swish", 0.0), ("gelu", 0.0)):
        assert explosion_times(phi, sigma_w, 1.0, Q0).tolist() == [math.inf] * 3


def test_a_horizon_beyond_the_explosion_is_refused_with_its_time_and_the_input():
    at = explosion_times("swish", 2.0, 0.0, Q0)
    assert int(at.argmin()) == 2
    with pytest.raises(
        SettingError, match=rf"horizon: 5 lies beyond t\* = {float(at[2]):.6g}.* input 2 \(\|x\|\^2/D = 2.5"
    ):
        moments_at("swish", 2.0, 0.0, Q0, torch.tensor([0.1, 5.0], dtype=torch.float64))


def test_an_activation_without_slope_is_refused():
    with pytest.raises(SettingError, match=r"'relu' has no phi'\(0\).*finite depth"):
        moments_at("relu", 1.0, 0.0, Q0, torch.tensor([0.5], dtype=torch.float64))
