"""The limit's Euler-Lagrange equations: exact cases, and the minimisers of deep networks as a second way to them."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor

from resnet_limits.claims.richardson import richardson_limit
from resnet_limits.errors import MeasurementError
from resnet_limits.limits.euler_lagrange import Extremal, extremal
from resnet_limits.training.depth_regularised import DepthRegularised, Penalties
from resnet_limits.training.loss_with_curvature import CrossEntropy, MeanSquareLoss
from resnet_limits.training.minimiser import minimise
from tests.planting import resize

from .limit_laws import StationaryLaws

HUGE = 1e7
"""A penalty that keeps what it is on at zero."""
T = np.linspace(0, 1, 11)
ONE = Penalties(K=0.05, b=0.05, W=0.1, c=0.1, t1=0.7, t2=1.3)


def network(x: np.ndarray, y: np.ndarray, activation: str, penalties: Penalties) -> DepthRegularised:
    return DepthRegularised(x, MeanSquareLoss(y), activation, penalties, 64)


def solved(problem: DepthRegularised, tolerance: float = 1e-8) -> Extremal:
    start = np.full(problem.size, 0.1)
    return extremal(problem, problem.weights(minimise(problem, start).point), tolerance=tolerance)


def drawn(activation: str, d: int, *, classes: bool = False) -> DepthRegularised:
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((4, d)), rng.standard_normal((4, 1))
    problem = network(x, y, activation, ONE)
    return replace(problem, loss=CrossEntropy((y[:, 0] > 0).astype(int), 2)) if classes else problem


class TestExtremal(StationaryLaws):
    """u = (K, b, W, c), the last two numbers."""

    cases: ClassVar = {
        "tanh": partial(drawn, "tanh", 2),
        "swish": partial(drawn, "swish", 1),
        "classes": partial(drawn, "tanh", 1, classes=True),
    }

    def split(self, case: DepthRegularised, u: Tensor) -> list[Tensor]:
        d, m = case.x.shape[1], case.loss.outputs
        shapes = ((d, d), (d,), (m, d), (m,))
        parts = u.split([math.prod(shape) for shape in shapes], dim=-1)
        return [part.unflatten(-1, shape) for part, shape in zip(parts, shapes, strict=True)]

    def begin(self, case: DepthRegularised) -> Tensor:
        return torch.from_numpy(case.x)

    def velocity(self, case: DepthRegularised, x: Tensor, u: Tensor) -> Tensor:
        K, b, _, _ = self.split(case, u)
        return {"tanh": torch.tanh, "swish": torch.nn.functional.silu}[case.activation](x @ K.T + b)

    def running(self, case: DepthRegularised, u: Tensor, du: Tensor) -> Tensor:
        dK, db, _, _ = self.split(case, du)
        return ONE.K * dK.square().sum(dim=(1, 2)) + ONE.b * db.square().sum(dim=1)

    def ends(self, case: DepthRegularised, end: Tensor, first: Tensor, last: Tensor) -> Tensor:
        (K, b, _, _), (_, _, W, c) = self.split(case, first), self.split(case, last)
        out, loss = end @ W.T + c, case.loss
        if isinstance(loss, CrossEntropy):
            fit = torch.nn.functional.cross_entropy(out, torch.from_numpy(loss.labels))
        else:
            assert isinstance(loss, MeanSquareLoss)
            fit = (out - torch.from_numpy(loss.targets)).square().sum(dim=1).mean()
        sizes = (K, ONE.K * ONE.t1), (b, ONE.b * ONE.t2), (W, ONE.W), (c, ONE.c)
        return fit + sum(a * penalised.square().sum() for penalised, a in sizes)

    def solve(self, case: DepthRegularised) -> tuple[Extremal, float]:
        solution = solved(case)
        return solution, solution.value

    def path(self, case: DepthRegularised, solution: Extremal, times: Tensor) -> tuple[Tensor, Tensor]:
        path, ends = solution.at(times.numpy()), np.concatenate([solution.W.ravel(), solution.c])
        constants = torch.from_numpy(ends).expand(len(times), -1)
        u, du = (
            torch.cat([torch.from_numpy(part.reshape(len(times), -1)) for part in parts], dim=1)
            for parts in ((path.K, path.b), solution.slopes(times.numpy()))
        )
        return torch.cat([u, constants], dim=1), torch.cat([du, torch.zeros_like(constants)], dim=1)

    def constants(self, case: DepthRegularised) -> int:
        return case.loss.outputs * (case.x.shape[1] + 1)


def test_bias_alone_moves_points_along_a_parabola_in_closed_form():
    # X' = b, P constant, 2 a2 b'' = sum_s P_s: b is a parabola with b'(1) = 0 and b'(0) = t2 b(0).
    x, y = np.array([[0.5], [-0.4]]), np.array([[2.0], [1.0]])
    solution = solved(network(x, y, "identity", replace(ONE, K=HUGE)))
    a, t = ONE.b, ONE.t2
    W, c = float(solution.W[0, 0]), float(solution.c[0])
    # sum_s P_s = W sum_s (W X_s(1) + c - y_s) for the mean of two squares, X(1) = x - p/(2a) (1/t + 1/3)
    shift = (1 / t + 1 / 3) / (2 * a)
    p = W * (W * x + c - y).sum() / (1 + 2 * W * W * shift)
    exact = -p / (2 * a * t) + p / (2 * a) * (T**2 / 2 - T)
    assert solution.at(T).b[:, 0] == pytest.approx(exact, abs=1e-6)
    assert np.abs(solution.at(T).K).max() < 1e-5
    # and the read-out is stationary: 2 a3 W + dloss/dW = 0
    end = x - p * shift
    assert 2 * ONE.W * W + ((W * end + c - y) * end).sum() == pytest.approx(0, abs=1e-6)
    assert 2 * ONE.c * c + (W * end + c - y).sum() == pytest.approx(0, abs=1e-6)


def test_one_linear_neuron_without_bias_has_a_parabola_too():
    # X' = K X, and P X is conserved: 2 a1 K'' = P X = W 2 (W X(1) - y) X(1), X(1) = x exp(int K).
    x, y = np.array([[0.8]]), np.array([[3.0]])
    solution = solved(network(x, y, "identity", replace(ONE, b=HUGE, c=HUGE)))
    a, t, W = ONE.K, ONE.t1, float(solution.W[0, 0])
    path = solution.at(T).K[:, 0, 0]
    q = path[0] * -2 * a * t  # from K'(0) = t K(0) = -q / 2a
    assert path == pytest.approx(-q / (2 * a * t) + q / (2 * a) * (T**2 / 2 - T), abs=1e-6)
    end = x[0, 0] * np.exp(-q / (2 * a) * (1 / t + 1 / 3))
    assert 2 * (W * end - 3) * W * end == pytest.approx(q, abs=1e-5)


@pytest.mark.parametrize("activation", ["tanh", "swish"])
@pytest.mark.parametrize("classes", [False, True])
def test_minimisers_extrapolated_in_depth_agree_with_the_boundary_value_problem(activation: str, classes: bool):
    problem = drawn(activation, 1, classes=classes)
    exact = solved(problem)
    minima = {n: minimise(problem.at_depth(n), np.full(problem.at_depth(n).size, 0.1)) for n in (16, 32, 64, 128)}
    paths = [problem.at_depth(n).weights(m.point).path[:: n // 16] for n, m in minima.items()]
    limit, difference = richardson_limit(paths)
    value, value_difference = richardson_limit([np.array([m.value]) for m in minima.values()])
    there = exact.at(np.arange(16) / 16).path
    first_order = np.abs(paths[-1] - there).max()
    assert np.abs(limit - there).max() < max(3 * np.abs(difference).max(), 1e-3 * first_order)
    assert abs(value[0] - exact.value) < max(3 * abs(value_difference[0]), 1e-6)
    assert np.abs(limit - there).max() < 0.02 * first_order


def test_a_solution_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch):
    from resnet_limits.limits import euler_lagrange

    resize(monkeypatch, euler_lagrange, MOST_COLLOCATION_NODES=70)
    problem = network(np.array([[0.8]]), np.array([[3.0]]), "tanh", replace(ONE, K=1e-4, b=1e-4))
    with pytest.raises(MeasurementError, match="boundary value problem"):
        extremal(problem, problem.weights(np.full(problem.size, 0.1)), tolerance=1e-12)
