"""The minimiser reaches minima and certifies them, says so where it does not, and takes as long at every depth."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from resnet_limits.measurement.job import InMemory
from resnet_limits.training.certificate import smallest_eigenvalue
from resnet_limits.training.continuation import climb, ladder
from resnet_limits.training.minimiser import minimise
from resnet_limits.training.objective import Differentiated, Objective


def rosenbrock(u: torch.Tensor) -> torch.Tensor:
    return ((1 - u[:-1]) ** 2 + 100 * (u[1:] - u[:-1] ** 2) ** 2).sum() + 1


def test_a_quadratic_is_minimised_to_rounding_and_its_curvature_found():
    rng = np.random.default_rng(0)
    Q = np.linalg.qr(rng.standard_normal((30, 30)))[0]
    eigenvalues = np.linspace(0.5, 50, 30)
    A, b = torch.from_numpy(Q @ np.diag(eigenvalues) @ Q.T), torch.from_numpy(rng.standard_normal(30))
    minimum = minimise(lambda u: u @ A @ u / 2 - b @ u + 10, torch.zeros(30))
    exact = np.linalg.solve(A.numpy(), b.numpy())
    assert minimum.converged, minimum.why
    assert minimum.point == pytest.approx(exact, abs=1e-12)
    assert minimum.smallest_eigenvalue == pytest.approx(0.5, rel=1e-6)
    assert np.linalg.norm(minimum.point - exact) < 10 * minimum.distance + 1e-13


def test_a_curved_valley_is_followed_to_its_end_by_newton_where_lbfgs_stops_early():
    minimum = minimise(rosenbrock, torch.full((6,), -1.0), tolerance=1e-12)
    assert minimum.converged, minimum.why
    assert minimum.point == pytest.approx(np.ones(6), abs=1e-12)
    assert minimum.lbfgs_iterations > 0
    assert minimum.newton_iterations > 0
    warm = minimise(rosenbrock, minimum.point + 1e-2, tolerance=1e-12, warm=True)
    assert warm.lbfgs_iterations == 0
    assert warm.converged


def test_a_saddle_is_not_certified():
    saddle = minimise(lambda u: (u[0] ** 2 - 1) ** 2 + (u[1] - 1) ** 2 + 1, torch.tensor([0.0, 3.0]))
    assert saddle.smallest_eigenvalue < 0
    assert not saddle.converged
    assert "eigenvalue" in saddle.why
    assert saddle.distance == np.inf


def test_what_is_not_reached_is_said_with_the_gradient_norm():
    minimum = minimise(rosenbrock, torch.full((6,), -1.0), iterations=1)
    assert not minimum.converged
    assert f"{minimum.relative_gradient:.1e}" in minimum.why


def test_a_kink_ends_the_search_without_a_minimum():
    minimum = minimise(lambda u: (u - 0.3).abs().sum() + u @ u / 10, torch.zeros(3), iterations=100)
    assert not minimum.converged
    assert minimum.point == pytest.approx(np.full(3, 0.3), abs=1e-2)


def test_the_same_call_gives_the_same_bits():
    first, second = (minimise(rosenbrock, torch.full((6,), -1.0)) for _ in range(2))
    assert first.point.tobytes() == second.point.tobytes()
    assert first.hessian_products == second.hessian_products


def test_differentiated_functions_have_the_derivatives_of_finite_differences():
    objective = Differentiated(rosenbrock)
    assert isinstance(objective, Objective)
    rng = np.random.default_rng(1)
    u, v = rng.standard_normal(5), rng.standard_normal(5)
    step = 1e-6
    ahead, behind = objective.value_and_gradient(u + step * v), objective.value_and_gradient(u - step * v)
    assert objective.value_and_gradient(u)[1] @ v == pytest.approx((ahead[0] - behind[0]) / (2 * step), rel=1e-6)
    assert objective.hessian(u)(v) == pytest.approx((ahead[1] - behind[1]) / (2 * step), rel=1e-6)
    linear = Differentiated(lambda u: 3 * u.sum())
    assert linear.hessian(u)(v) == pytest.approx(np.zeros(5))


@pytest.mark.parametrize("least", [-0.5, 0.01, 1.0])
def test_the_smallest_eigenvalue_is_found_beside_a_crowd(least: float):
    eigenvalues = np.concatenate([[least], np.full(300, 2.0), np.linspace(3, 100, 40)])
    Q = np.linalg.qr(np.random.default_rng(2).standard_normal((341, 341)))[0]
    eigenvalue = smallest_eigenvalue(lambda v: Q @ (eigenvalues * (Q.T @ v)), 341)
    assert eigenvalue == pytest.approx(least, abs=0.2 * abs(least) + 1e-9)
    assert np.sign(eigenvalue) == np.sign(least)


# -- continuation ---------------------------------------------------------------------------------


def test_the_ladder_ends_at_the_depth_and_does_not_depend_on_it_below():
    assert ladder(32) == (4, 8, 16, 32)
    assert ladder(20) == (4, 8, 16, 20)
    assert ladder(3) == (3,)


def test_rungs_are_shared_and_the_same_whichever_depth_comes_first():
    def problem(depth: int):
        times = torch.arange(depth, dtype=torch.float64) / depth
        return lambda u: ((u * depth**0.5 - times.sin()) ** 2).sum() / depth + (u @ u) ** 2 + 1

    def rungs(depth: int, shared: InMemory):
        return climb(
            depth,
            objective=problem,
            start=np.zeros,
            refine=lambda below, n: np.repeat(below[-1].minimum.point, n // below[-1].depth) / 2**0.5,
            shared=shared,
            purpose="minimum",
            key={"problem": "sine"},
        )

    alone, shared = rungs(8, InMemory()), InMemory()
    deeper = rungs(32, shared)
    again = rungs(8, shared)
    assert [rung.depth for rung in deeper] == [4, 8, 16, 32]
    assert alone[-1].minimum.point.tobytes() == again[-1].minimum.point.tobytes()
    assert deeper[1].minimum.point.tobytes() == again[-1].minimum.point.tobytes()
    assert again[-1].minimum.value == alone[-1].minimum.value
    assert all(rung.minimum.lbfgs_iterations == 0 for rung in deeper[1:])
