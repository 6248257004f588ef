"""Geodesics in closed form, and paths with a loss along them, against integration and minimisation by scipy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm
from scipy.optimize import minimize, minimize_scalar

from resnet_limits.errors import Undetermined
from resnet_limits.limits.hamiltonian.closed_forms.landmarks import two_landmarks
from resnet_limits.limits.hamiltonian.closed_forms.line import points_of_the_line, squared_distance
from resnet_limits.limits.hamiltonian.closed_forms.linear import general_linear
from resnet_limits.limits.hamiltonian.closed_forms.point import one_point
from resnet_limits.limits.hamiltonian.tracking import tracked_by_biases, tracked_point, turnpike_rate

NU = 0.3
Field = Callable[[np.ndarray], np.ndarray]


def end_of_flow(hamiltonian: Callable[[np.ndarray, np.ndarray], float], q: np.ndarray, P: np.ndarray) -> np.ndarray:
    """`(q(1), P(1))` of `q' = H_P, P' = -H_q`, the derivatives by differences: none of ours is used."""
    n = len(q)

    def velocity(t: float, z: np.ndarray) -> np.ndarray:
        def slope(unit: np.ndarray) -> float:
            h, at = 1e-5, lambda z: hamiltonian(z[:n], z[n:])
            return (at(z + h * unit) - at(z - h * unit)) / (2 * h)

        by = np.array([slope(unit) for unit in np.eye(2 * n)])
        return np.concatenate([by[n:], -by[:n]])

    return solve_ivp(velocity, (0, 1), np.concatenate([q, P]), rtol=1e-8, atol=1e-10).y[:, -1]


def shot(hamiltonian: Callable[[np.ndarray, np.ndarray], float], q: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """The least value of `NU H + mean |q(1) - y|^2 / 2` over initial momenta, and `2H` there."""

    def value(P: np.ndarray) -> float:
        return NU * hamiltonian(q, P) + float(np.square(end_of_flow(hamiltonian, q, P)[: len(q)] - y).mean()) / 2

    least = cast(Any, minimize(value, (y - q) / (NU + 1), method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-9}))
    return float(least.fun), 2 * hamiltonian(q, least.x)


def test_one_point_is_the_least_over_all_momenta():
    exact = one_point(np.tanh, 0.4, 2.0, NU)
    value, energy = shot(lambda q, P: float(P[0] ** 2 * (1 + np.tanh(q[0]) ** 2)) / 2, np.array([0.4]), np.array([2.0]))
    assert exact.value == pytest.approx(value, abs=1e-7)
    assert exact.path_energy == pytest.approx(energy, rel=1e-3)


def test_one_point_with_the_identity_moves_as_sinh():
    exact, c = one_point(float, 0.4, 2.0, NU), np.arcsinh
    value = lambda x: NU / 2 * x**2 + (np.sinh(x + c(0.4)) - 2) ** 2 / 2  # noqa: E731
    least = cast(Any, minimize_scalar(value, bracket=(0.5, 1.5)))
    assert exact.value == pytest.approx(least.fun, abs=1e-13)
    assert exact.path_energy == pytest.approx(least.x**2, rel=1e-6)
    assert exact.end[0, 0] == pytest.approx(np.sinh(np.sqrt(exact.path_energy) + c(0.4)), abs=1e-12)


def test_points_of_the_line_are_the_least_over_all_momenta():
    q, y = np.array([-1.0, 0.7]), np.array([0.5, 2.5])
    exact = points_of_the_line(q[:, None], y[:, None], NU)
    value, energy = shot(lambda q, P: float((P @ q) ** 2 + P.sum() ** 2) / 2, q, y)
    assert exact.value == pytest.approx(value, abs=1e-7)
    assert exact.path_energy == pytest.approx(energy, rel=1e-3)


def test_one_point_and_points_of_the_line_are_one_problem_where_both_apply():
    one, many = one_point(float, 0.4, 2.0, NU), points_of_the_line(np.array([[0.4]]), np.array([[2.0]]), NU)
    assert one.value == pytest.approx(many.value, abs=1e-12)
    assert one.end == pytest.approx(many.end, abs=1e-10)
    assert squared_distance(0.0) == (0.0, 2.0)


def test_geodesics_of_gl_follow_the_weights_that_are_turned():
    q0 = np.array([[1.0, 0.0], [0.3, 1.0]])
    exact = general_linear(q0, np.array([[0.2, 1.2], [-0.8, 0.5]]), NU)

    def end(omega: np.ndarray) -> np.ndarray:
        """By `q' = omega q`, `omega' = [omega - omega^T, omega]`: `omega(t) = e^{tA} omega_0 e^{-tA}`."""

        def velocity(t: float, z: np.ndarray) -> np.ndarray:
            turned = expm(t * (omega - omega.T)) @ omega @ expm(-t * (omega - omega.T))
            return (z.reshape(2, 2) @ turned.T).ravel()

        return solve_ivp(velocity, (0, 1), q0.ravel(), rtol=1e-9, atol=1e-11).y[:, -1].reshape(2, 2)

    def value(x: np.ndarray) -> float:
        off = end(x.reshape(2, 2)) - np.array([[0.2, 1.2], [-0.8, 0.5]])
        return NU / 2 * float(x @ x) + float(np.square(off).sum()) / 4

    least = minimize(value, np.zeros(4), method="BFGS", options={"gtol": 1e-6})
    assert exact.value == pytest.approx(least.fun, abs=1e-8)
    assert exact.path_energy == pytest.approx(float(least.x @ least.x), rel=1e-4)
    assert exact.end == pytest.approx(end(least.x.reshape(2, 2)), abs=1e-4)


@pytest.mark.slow
def test_two_landmarks_are_the_least_over_all_momenta():
    q, y, length = np.array([-0.4, 0.4]), np.array([0.2, 1.8]), 0.7

    def hamiltonian(q: np.ndarray, P: np.ndarray) -> float:
        return float(P @ np.exp(-((q[:, None] - q) ** 2) / (2 * length**2)) @ P) / 2

    exact = two_landmarks(length, q[:, None], y[:, None], NU)
    value, energy = shot(hamiltonian, q, y)
    assert exact.value == pytest.approx(value, abs=1e-7)
    assert exact.path_energy == pytest.approx(energy, rel=1e-3)
    other = two_landmarks(length, q[::-1, None], y[::-1, None], NU)  # named the other way round
    assert other.end[::-1] == pytest.approx(exact.end, abs=1e-12)


def test_landmarks_whose_distance_turns_around_are_undetermined():
    with pytest.raises(Undetermined, match="turns around"):
        two_landmarks(0.7, np.array([[-0.5], [0.5]]), np.array([[1.0], [2.0]]), NU)


# -- a loss along the path --------------------------------------------------------------------------


def test_the_value_of_tracking_is_the_cost_of_its_own_path():
    times = np.linspace(0, 12, 40001)
    path = tracked_point(np.tanh, 0.4, 2.0, NU, times)
    q = path.states[:, 0, 0]
    speed = (2 - q) * np.hypot(1, np.tanh(q)) / np.sqrt(NU)
    cost = NU / 2 * (speed / np.hypot(1, np.tanh(q))) ** 2 + (q - 2) ** 2 / 2
    assert path.value == pytest.approx(float(np.trapezoid(cost, times)), rel=1e-6)
    late = slice(20000, 30000)
    slope = np.polyfit(times[late], np.log(2 - q[late]), 1)[0]
    assert -slope == pytest.approx(turnpike_rate(np.tanh, 2.0, NU), rel=1e-5)


@pytest.mark.parametrize("factor", [0.97, 1.03])
def test_another_feedback_costs_more(factor: float):
    times = np.linspace(0, 12, 20001)
    best = tracked_point(np.tanh, 0.4, 2.0, NU, times).value
    q = solve_ivp(
        lambda t, q: (2 - q) * factor * np.hypot(1, np.tanh(q)) / np.sqrt(NU),
        (0, 12),
        [0.4],
        t_eval=times,
        rtol=1e-10,
        atol=1e-12,
    ).y[0]
    cost = (factor**2 + 1) * (q - 2) ** 2 / 2
    assert float(np.trapezoid(cost, times)) > best * (1 + 1e-4)


def test_biases_alone_solve_the_linear_problem():
    """The discrete problem is a linear system; its value and states, extrapolated in the step, are the closed form."""
    q0, y, horizon = np.array([[-1.0], [0.2], [0.7]]), np.array([[0.5], [1.0], [2.5]]), 0.8

    def discrete(steps: int) -> np.ndarray:
        h = horizon / steps
        # m_k = m_0 + h sum_{s<k} b_s for k = 1 .. steps - 1; minimise nu/2 h |b|^2 + h/2 sum_k m_k^2
        sums = np.tril(np.ones((steps, steps)), -1) * h
        m0 = float((q0 - y).mean())
        b = np.linalg.solve(NU * np.eye(steps) + sums.T @ sums, -sums.T @ np.full(steps, m0))
        m = m0 + sums @ b
        apart = float(np.square(q0 - y).mean()) - m0**2
        value = h / 2 * float(NU * b @ b + m @ m) + horizon / 2 * apart
        return np.array([value, m0 + h * b.sum() - m0])

    exact = tracked_by_biases(q0, y, NU, horizon, np.array([0.0, horizon]))
    extrapolated = 2 * discrete(800) - discrete(400)
    assert exact.value == pytest.approx(extrapolated[0], abs=4e-6)
    assert exact.states[1] - q0 == pytest.approx(np.full((3, 1), extrapolated[1]), abs=4e-5)
    assert exact.states[0] == pytest.approx(q0)
