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
from resnet_limits.limits.moments import first_explosion, moments_at
from resnet_limits.networks.activations import Activation, activation_named

from .limit_laws import LimitLaws

SMOOTH = [name for name in Activation.options if activation_named(name).without_limit() is None]
Q0 = torch.tensor([0.2, 1.0, 2.5], dtype=torch.float64)


def solved(phi: str, sigma_w: float, sigma_b: float, m0: float, q0: float, horizon: float) -> tuple[float, float]:
    slope, curvature = activation_named(phi).taylor()

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
        for phi in SMOOTH
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
    at, _ = first_explosion(phi, 1.2, 0.3, Q0[1:2])
    near = torch.tensor([at * (1 - 1e-4), at * (1 - 1e-5)], dtype=torch.float64)
    _, q = moments_at(phi, 1.2, 0.3, Q0[1:2], near)
    assert float(q[0, 0]) == pytest.approx(solved(phi, 1.2, 0.3, 0.0, 1.0, float(near[0]))[1], rel=1e-6)
    # u' = a u^2 at the end: u = 1/(a (t* - t)), q = u^2.
    assert float(q[1, 0] / q[0, 0]) == pytest.approx(100, rel=0.01)


@given(st.floats(-2, 2), st.floats(0, 3), st.floats(0.05, 2), st.floats(0, 2), st.sampled_from(["swish", "gelu"]))
@example(1e-16, 1e-16, 1.0, 0.0, "swish")  # almost at rest
@example(0.0, 1e-16, 1.0, 0.0, "swish")
def test_moments_grow_without_bound_at_the_explosion(
    m0: float, spread: float, sigma_w: float, sigma_b: float, phi: str
):
    # Two formulas: a sine and a cosine of the moments, an arc tangent or logarithm of u = m + phi'(0)^2/phi''(0).
    q0 = m0**2 + spread
    assume(not 0 < q0 + (sigma_b / sigma_w) ** 2 < 1e-250)  # squares of numbers that float64 cannot square
    mean, square = (torch.tensor([x], dtype=torch.float64) for x in (m0, q0))
    at, _ = first_explosion(phi, sigma_w, sigma_b, square, mean)
    assume(at < 1e6)
    near = at * (1 - torch.tensor([1e-5, 1e-6], dtype=torch.float64))
    _, q = moments_at(phi, sigma_w, sigma_b, square, near, mean)
    # u' = a u^2 at the end: u = 1/(a (t* - t)), q = u^2.
    assert float(q[1, 0] / q[0, 0]) == pytest.approx(100, rel=0.05)


@given(st.lists(st.tuples(st.floats(-2, 2), st.floats(0, 3)), min_size=1, max_size=5), st.floats(0.05, 2))
def test_the_first_of_several_inputs_is_the_one_that_explodes_first_alone(inputs: list, sigma_w: float):
    m0 = torch.tensor([m for m, _ in inputs], dtype=torch.float64)
    q0 = m0**2 + torch.tensor([spread for _, spread in inputs], dtype=torch.float64)
    for mean in (m0, torch.zeros_like(m0), None):
        alone = [
            first_explosion("swish", sigma_w, 0.3, q0[i : i + 1], None if mean is None else mean[i : i + 1])[0]
            for i in range(len(q0))
        ]
        at, first = first_explosion("swish", sigma_w, 0.3, q0, mean)
        assert at == min(alone) == alone[first]


def test_nothing_explodes_without_curvature_or_weights():
    for phi, sigma_w in (("tanh", 3.0), ("identity", 1.0), ("swish", 0.0), ("gelu", 0.0)):
        assert first_explosion(phi, sigma_w, 1.0, Q0)[0] == math.inf


def test_a_horizon_beyond_the_explosion_is_refused_with_its_time_and_the_input():
    at, first = first_explosion("swish", 2.0, 0.0, Q0)
    assert first == 2
    with pytest.raises(SettingError, match=rf"horizon: 5 lies beyond t\* = {at:.6g}.* input 2 \(\|x\|\^2/D = 2.5"):
        moments_at("swish", 2.0, 0.0, Q0, torch.tensor([0.1, 5.0], dtype=torch.float64))


def test_an_activation_without_slope_is_refused():
    with pytest.raises(SettingError, match=r"activation=relu: it has no phi'\(0\).*finite depth"):
        moments_at("relu", 1.0, 0.0, Q0, torch.tensor([0.5], dtype=torch.float64))
