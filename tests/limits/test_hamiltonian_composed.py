"""Geodesics joined by affine maps: their derivative, their value, and a chain of one block."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.integrate
import scipy.optimize
import torch
from torch import Tensor

from resnet_limits.limits.hamiltonian.composed import ComposedProblem, shoot_composed
from resnet_limits.limits.hamiltonian.end_loss import Fixed
from resnet_limits.limits.hamiltonian.integrators import INTEGRATORS
from resnet_limits.limits.hamiltonian.kernels.features import FeaturesKernel
from resnet_limits.limits.hamiltonian.kernels.gaussian import GaussianKernel
from resnet_limits.limits.hamiltonian.losses.square import SquareLoss
from resnet_limits.limits.hamiltonian.shooting import Problem, shoot
from resnet_limits.networks.activations import activation_named
from tests.normals import normals

TANH, RK4 = FeaturesKernel(activation_named("tanh")), INTEGRATORS["rk4"]
PROBLEM = ComposedProblem(TANH, normals(4, 2), (0.3, 0.2), 0.1, Fixed(SquareLoss(), normals(4, 1, seed=1)))
START = normals(8, 2, seed=2, scale=0.05).reshape(2, 4, 2)


@pytest.mark.parametrize("kernel", [TANH, GaussianKernel(0.8)], ids=["tanh", "gaussian"])
def test_the_derivative_of_what_is_missed_is_that_of_differences(kernel: Any):
    problem = replace(PROBLEM, kernel=kernel, nus=(0.3, 0.2, 0.4))
    P = normals(12, 2, seed=3, scale=0.3).reshape(3, 4, 2)
    along = normals(12, 2, seed=4).reshape(3, 4, 2)

    def missed(P: Tensor) -> Tensor:
        return problem.missed(P, problem.paths(P, RK4, 8))

    derivative = problem.derivative(P, problem.paths(P, RK4, 8), RK4, 8) @ along.flatten()
    difference = (missed(P + 1e-5 * along) - missed(P - 1e-5 * along)).flatten() / 2e-5
    torch.testing.assert_close(derivative, difference, rtol=1e-7, atol=1e-8)


def test_the_value_is_stationary_in_the_map_and_in_the_geodesics_on_both_sides():
    """Minimised over the map and both initial momenta, by a flow of scipy's that knows neither momenta nor maps."""
    shot = shoot_composed(PROBLEM, START, RK4, 32)
    assert not shot.why

    def ended(q: np.ndarray, P: np.ndarray) -> np.ndarray:
        def field(t: float, z: np.ndarray) -> np.ndarray:
            q, P = z.reshape(2, 4, 2)
            a = np.tanh(q)
            W, b = P.T @ a, P.sum(0)
            return np.stack([a @ W.T + b, -(1 - a**2) * (P @ W)]).ravel()

        return (
            scipy.integrate.solve_ivp(field, (0, 1), np.stack([q, P]).ravel(), rtol=1e-9, atol=1e-9)
            .y[:, -1]
            .reshape(2, 4, 2)[0]
        )

    def energy(q: np.ndarray, P: np.ndarray) -> float:
        a = np.tanh(q)
        return float(((P.T @ a) ** 2).sum() + (P.sum(0) ** 2).sum()) / 2

    q0, y = PROBLEM.q.numpy(), PROBLEM.loss.y.numpy()

    def value(x: np.ndarray) -> float:
        first, second, V = x[:8].reshape(4, 2), x[8:16].reshape(4, 2), x[16:].reshape(2, 3)
        q1 = ended(q0, first)
        q2 = np.tanh(q1) @ V[:, :2].T + V[:, 2]
        loss = ((ended(q2, second)[:, 1:] - y) ** 2).mean() / 2
        return 0.3 * energy(q0, first) + 0.2 * energy(q2, second) + 0.05 * (V**2).sum() + loss

    P = shot.momenta.numpy()
    end = ended(q0, P[0])
    V = 2.0 * P[1].T @ np.concatenate([np.tanh(end), np.ones((4, 1))], 1)
    there = np.concatenate([P.ravel(), V.ravel()])
    assert value(there) == pytest.approx(shot.value, rel=1e-7)
    slopes: Any = scipy.optimize.approx_fprime(there, value, 1e-5)
    assert float(np.abs(slopes).max()) < 1e-5
    best: Any = scipy.optimize.minimize(value, there + 0.01, method="BFGS", options={"maxiter": 12})
    assert best.fun > shot.value - 1e-7


def test_one_block_alone_is_the_geodesic_of_plain_shooting():
    alone = replace(PROBLEM, nus=(0.3,))
    shot = shoot_composed(alone, START[:1], RK4, 32)
    plain = shoot(Problem(TANH, PROBLEM.q, 0.3, PROBLEM.loss), START[0], RK4, 32)
    assert plain.converged
    torch.testing.assert_close(shot.momenta[0], plain.momentum, rtol=1e-8, atol=1e-10)
    assert shot.value == pytest.approx(plain.value, rel=1e-8)


def test_a_start_that_diverges_is_said_in_words():
    linear = replace(PROBLEM, kernel=FeaturesKernel(activation_named("identity")))
    shot = shoot_composed(linear, 1e150 * START, RK4, 8)
    assert "block 1" in shot.why
    assert shot.residual == float("inf")
