"""Losses at the end of a path, and geodesic shooting: derivatives, and minimisers that are known otherwise."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import mpmath
import pytest
import scipy.integrate
import scipy.optimize
import torch
from torch import Tensor

from resnet_limits.errors import Undetermined
from resnet_limits.limits.hamiltonian import shooting
from resnet_limits.limits.hamiltonian.end_loss import EndLoss, Fixed, Linear, Pooled, Ridge
from resnet_limits.limits.hamiltonian.integrators import INTEGRATORS
from resnet_limits.limits.hamiltonian.kernels.features import FeaturesKernel
from resnet_limits.limits.hamiltonian.kernels.gaussian import GaussianKernel
from resnet_limits.limits.hamiltonian.losses.loss import PointwiseLoss
from resnet_limits.limits.hamiltonian.losses.square import SquareLoss
from resnet_limits.limits.hamiltonian.shooting import Problem, costate, lowered_by_lbfgs, shoot, value_and_gradient
from resnet_limits.limits.hamiltonian.trajectory import Trajectory, trajectory_from
from resnet_limits.networks.activations import activation_named
from tests.normals import normals
from tests.planting import resize

from .limit_laws import StationaryLaws

TANH = FeaturesKernel(activation_named("tanh"))


def classes(n: int, count: int) -> Tensor:
    labels = torch.arange(n) % count
    return torch.nn.functional.one_hot(labels, count).double()


SIGNS = (2 * (torch.arange(9) % 2) - 1).double()[:, None]


def named(name: str) -> PointwiseLoss:
    return PointwiseLoss.options[name].of({"insensitive": 0.3})


LOSSES: dict[str, EndLoss] = {
    **{f"fixed {name}": Fixed(named(name), SIGNS) for name in ("square", "logistic", "squared_hinge")},
    "fixed insensitive": Fixed(named("squared_insensitive"), normals(9, 2, seed=4)),
    "fixed logistic, 3 classes": Fixed(named("logistic"), classes(9, 3)),
    "fixed square, points with weights": Fixed(
        SquareLoss(), normals(9, 2, seed=4), weights=normals(9, seed=5).softmax(0)
    ),
    "pooled square": Pooled(SquareLoss(), normals(9, 1, seed=4), sites=3),
    "linear logistic": Linear(named("logistic"), SIGNS, 0.1),
    "linear logistic, 3 classes": Linear(named("logistic"), classes(9, 3), 0.1),
    "linear square": Linear(SquareLoss(), normals(9, 2, seed=4), 0.05),
    "ridge features": Ridge(TANH, normals(9, 2, seed=4), 0.05),
    "ridge gaussian": Ridge(GaussianKernel(0.9), normals(9, 2, seed=4), 0.05),
}


@pytest.mark.parametrize("name", LOSSES)
def test_derivatives_of_the_loss_are_those_of_its_value(name: str):
    loss, q, u = LOSSES[name], normals(9, 3).requires_grad_(), normals(9, 3, seed=1)
    (expected,) = torch.autograd.grad(loss.value(q), q)
    q = q.detach()
    torch.testing.assert_close(loss.gradient(q), expected)
    difference = (loss.gradient(q + 1e-5 * u) - loss.gradient(q - 1e-5 * u)) / 2e-5
    products = loss.hessian(q)(torch.stack([u, 2 * u]))
    torch.testing.assert_close(products, torch.stack([difference, 2 * difference]), rtol=1e-6, atol=1e-8)
    step = (loss.value(q + 1e-5 * u) - loss.value(q - 1e-5 * u)) / 2e-5
    assert float((loss.gradient(q) * u).sum()) == pytest.approx(float(step), rel=1e-6)
    assert loss.scorer(q)(normals(4, 3)).shape == (4, loss.y.shape[1])


def test_a_point_that_stands_twice_weighs_twice():
    q, y = normals(3, 2), normals(3, 1, seed=1)
    twice = torch.tensor([0, 1, 1, 2])
    weighted = Fixed(SquareLoss(), y, weights=torch.tensor([0.25, 0.5, 0.25]).double())
    repeated = Fixed(SquareLoss(), y[twice])
    torch.testing.assert_close(weighted.value(q), repeated.value(q[twice]))
    gradient = repeated.gradient(q[twice])
    torch.testing.assert_close(weighted.gradient(q), torch.stack([gradient[0], gradient[1:3].sum(0), gradient[3]]))


@pytest.mark.parametrize(
    ("name", "ridge", "apart"), [("logistic", 1e-6, 1e-7), ("square", 1e-10, 1e-5)], ids=["logistic", "square"]
)
def test_a_read_out_of_coordinates_that_nearly_agree_is_stationary_to_rounding(name: str, ridge: float, apart: float):
    q, y = normals(20, 3, seed=1), normals(20, 1, seed=2).sign()
    q[:, 2] = q[:, 1] + apart * q[:, 2]
    loss = Linear(named(name), y, ridge)
    R, x = loss.readout(q), torch.nn.functional.pad(q, (0, 1), value=1.0)
    left = x.T @ loss.l.gradient(x @ R, y) / 20 + ridge * R
    assert float(left.abs().max()) < 1e-12 * (1 + float(R.abs().max()))


def test_kernel_ridge_is_a_linear_read_out_of_the_features():
    q, y = normals(9, 3), normals(9, 2, seed=4)
    f = TANH.of_points(q)
    R = torch.linalg.solve(f.T @ f / 9 + 0.05 * torch.eye(4), f.T @ y / 9)
    expected = (f @ R - y).square().sum() / 18 + 0.05 / 2 * R.square().sum()
    torch.testing.assert_close(Ridge(TANH, y, 0.05).value(q), expected)
    torch.testing.assert_close(Ridge(TANH, y, 0.05).scorer(q)(q), f @ R)


def test_kernel_ridge_whose_ridge_is_lost_in_rounding_is_undetermined_and_else_right_to_the_bound():
    """Against 60 digits. The difference by which the coefficients are found loses what a small ridge is divided by."""
    q, y = normals(9, 3, scale=3.0), normals(9, 1, seed=4)
    with mpmath.workdps(60):
        f = mpmath.matrix(TANH.of_points(q).tolist())
        for ridge in (1e-2, 1e-6, 1e-10):
            system = f * f.T + 9 * mpmath.mpf(ridge) * mpmath.eye(9)
            alpha = mpmath.lu_solve(system, mpmath.matrix(y.tolist()))
            expected = torch.tensor([[float(coefficient)] for coefficient in alpha], dtype=torch.float64)
            off = float((Ridge(TANH, y, ridge).coefficients(q, y) - expected).norm() / expected.norm())
            assert off < 1e-13 / ridge
    with pytest.raises(Undetermined, match=r"9 points, ridge 1e-14.*set a larger hamiltonian\.ridge"):
        Ridge(TANH, y, 1e-14).gradient(q)


@pytest.mark.parametrize("integrator", INTEGRATORS)
def test_the_gradient_through_shooting_is_that_of_the_value(integrator: str):
    problem = Problem(GaussianKernel(0.9), normals(5, 2), 0.1, Fixed(SquareLoss(), normals(5, 2, seed=1)))
    P, v = normals(5, 2, seed=2, scale=0.3), normals(5, 2, seed=3)
    scheme = INTEGRATORS[integrator]
    _, gradient = value_and_gradient(problem, P, scheme, 10)
    ahead, behind = (value_and_gradient(problem, P + s * v, scheme, 10)[0] for s in (1e-5, -1e-5))
    assert float((gradient * v).sum()) == pytest.approx((ahead - behind) / 2e-5, rel=1e-7)


class TestShooting(StationaryLaws):
    """u = omega (d, features), `q' = omega f(q)`: of all paths of weights, also of those that are no momenta's."""

    cases: ClassVar = {phi: lambda phi=phi: FeaturesKernel(activation_named(phi)) for phi in ("tanh", "swish")}
    nu = 0.2

    def begin(self, case: FeaturesKernel) -> Tensor:
        return normals(8, 2)

    def velocity(self, case: FeaturesKernel, x: Tensor, u: Tensor) -> Tensor:
        phi = {"tanh": torch.tanh, "swish": torch.nn.functional.silu}[case.activation.name]
        return torch.nn.functional.pad(phi(x), (0, 1), value=1.0) @ u.unflatten(-1, (2, 3)).T

    def running(self, case: FeaturesKernel, u: Tensor, du: Tensor) -> Tensor:
        return self.nu / 2 * u.square().sum(dim=1)

    def ends(self, case: FeaturesKernel, end: Tensor, first: Tensor, last: Tensor) -> Tensor:
        return (end - normals(8, 2, seed=1)).square().sum() / 16

    def solve(self, case: FeaturesKernel) -> tuple[Trajectory, float]:
        problem = Problem(case, normals(8, 2), self.nu, Fixed(SquareLoss(), normals(8, 2, seed=1)))
        scheme = INTEGRATORS["rk4"]
        shot = shoot(problem, lowered_by_lbfgs(problem, scheme, 8, iterations=40), scheme, 2 * self.steps)
        assert shot.converged, shot.why
        return shot.trajectory, shot.value

    def path(self, case: FeaturesKernel, solution: Trajectory, times: Tensor) -> tuple[Tensor, Tensor]:
        at = (2 * self.steps * times).round().int().tolist()
        u = torch.stack([case.at(solution.states[i]).weights(solution.momenta[i]).flatten() for i in at])
        return u, torch.zeros_like(u)  # E has no derivative of u


@pytest.mark.parametrize("integrator", ["leapfrog", "midpoint", "rk4"])
def test_one_point_in_dimension_one_reaches_the_minimum_that_is_known(integrator: str):
    # q(t) = sinh(u_0 + t (u_1 - u_0)), value min over u_1 of nu/2 (u_1 - u_0)^2 + loss(sinh u_1)
    nu, start, target = 0.3, 0.4, 2.0
    q, y = torch.full((1, 1), start, dtype=torch.float64), torch.full((1, 1), target, dtype=torch.float64)
    u0 = math.asinh(start)
    exact: Any = scipy.optimize.minimize_scalar(
        lambda u: nu / 2 * (u - u0) ** 2 + (math.sinh(u) - target) ** 2 / 2, tol=1e-13
    )
    problem = Problem(FeaturesKernel(activation_named("identity")), q, nu, Fixed(SquareLoss(), y))
    scheme = INTEGRATORS[integrator]
    shot = shoot(problem, lowered_by_lbfgs(problem, INTEGRATORS["rk4"], 8, iterations=20), scheme, 64)
    assert shot.converged, shot.why
    assert shot.value == pytest.approx(exact.fun, rel=5e-4)
    assert float(shot.trajectory.end[0]) == pytest.approx(math.sinh(exact.x), rel=5e-4)


def test_shooting_agrees_with_a_solver_of_the_boundary_value_problem():
    # q' = H_P, P' = -H_q, q(0) = q_0, P(1) = -loss'/nu, by collocation: no shooting, no kernel of ours
    nu, q0, y = 0.2, normals(2, 1), torch.tensor([[1.0], [-0.5]]).double()

    def rates(t, z):
        q, p = z[:2], z[2:]
        W, b = (p * torch.tanh(torch.from_numpy(q)).numpy()).sum(0), p.sum(0)
        a = torch.tanh(torch.from_numpy(q)).numpy()
        return [*(a * W + b), *(-(1 - a**2) * p * W)]

    import numpy as np

    ends = lambda z0, z1: [*(z0[:2] - q0[:, 0].numpy()), *(z1[2:] + (z1[:2] - y[:, 0].numpy()) / 2 / nu)]  # noqa: E731
    mesh = np.linspace(0, 1, 20)
    bvp = scipy.integrate.solve_bvp(lambda t, z: np.array(rates(t, z)), ends, mesh, np.zeros((4, 20)), tol=1e-10)
    problem = Problem(TANH, q0, nu, Fixed(SquareLoss(), y))
    scheme = INTEGRATORS["rk4"]
    shot = shoot(problem, lowered_by_lbfgs(problem, scheme, 10, iterations=50), scheme, 64)
    assert bvp.success
    assert shot.converged, shot.why
    np.testing.assert_allclose(shot.momentum[:, 0].numpy(), bvp.y[2:, 0], rtol=1e-7)
    np.testing.assert_allclose(shot.trajectory.end[0][:, 0].numpy(), bvp.y[:2, -1], rtol=1e-7)


def test_the_costate_of_the_solution_is_its_own_momentum():
    problem = Problem(TANH, normals(8, 2), 0.2, Fixed(SquareLoss(), normals(8, 1, seed=1)))
    scheme = INTEGRATORS["rk4"]
    first = lowered_by_lbfgs(problem, scheme, 8, iterations=40)
    shot = shoot(problem, first, scheme, 64)
    assert shot.converged, shot.why
    again = costate(problem, shot.momentum, scheme, 64)
    assert float((again - shot.momentum).norm() / shot.momentum.norm()) < 1e-4


@pytest.mark.parametrize("dense", [0, 1000])
def test_newton_by_a_matrix_and_in_krylov_space_hit(dense: int, monkeypatch: pytest.MonkeyPatch):
    resize(monkeypatch, shooting, MOST_UNKNOWNS_DENSE=dense)
    n = 20
    problem = Problem(TANH, normals(n, 2), 0.2, Fixed(SquareLoss(), normals(n, 1, seed=1).sign()))
    scheme = INTEGRATORS["leapfrog"]
    shot = shoot(problem, lowered_by_lbfgs(problem, INTEGRATORS["rk4"], 8, iterations=20), scheme, 32)
    assert shot.converged, shot.why
    assert shot.iterations <= 12
    again = trajectory_from(TANH, problem.q, shot.momentum, scheme, 32)
    assert float(problem.residual(again).norm()) <= 1e-9 * float(again.momenta[-1].norm())


def test_a_shooting_that_diverges_is_a_result_with_its_energy():
    problem = Problem(GaussianKernel(0.2), normals(6, 2), 1e-8, Fixed(SquareLoss(), normals(6, 2, seed=1)))
    shot = shoot(problem, normals(6, 2, seed=2, scale=1e8), INTEGRATORS["leapfrog"], 8)
    assert not shot.converged
    assert shot.diverged
    assert shot.energy > 1e12
    assert "energy" in shot.why
