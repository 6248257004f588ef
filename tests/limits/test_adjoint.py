"""Gradients of the limit: exact formulas, finite differences of the solution, and the limit of networks' gradients."""

import math
from functools import partial
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from resnet_limits.limits.adjoint import adjoint, path_at
from resnet_limits.limits.ode import solve
from resnet_limits.networks.blocks import field
from resnet_limits.networks.blocks.one import OneBlock
from resnet_limits.networks.blocks.outside import OutsideBlock
from resnet_limits.networks.blocks.two import TwoBlock
from resnet_limits.networks.residual import gradients
from resnet_limits.networks.steps import STEPS
from resnet_limits.networks.vector_field import VectorField
from tests.normals import normals

from .limit_laws import AdjointLaws

R, N, D, J = 2, 3, 4, 3


def basis(times):
    """`1, t, sin(3 t)`."""
    return torch.stack([torch.ones_like(times), times, torch.sin(3 * times)], dim=1)


def integral(t):
    """`int_0^t` of the basis."""
    return torch.tensor([t, t**2 / 2, (1 - math.cos(3 * t)) / 3], dtype=torch.float64)


def half_square(x):
    return x.square().sum(dim=(1, 2)) / 2, x


class TestAdjoint(AdjointLaws):
    cases: ClassVar = {
        block.name: partial(field, block, "tanh", D) for block in (OneBlock(), OutsideBlock(), TwoBlock(hidden=5))
    }

    def start(self, case: VectorField) -> Tensor:
        return normals(R, N, D, seed=9)

    def parameters(self, case: VectorField) -> dict[str, Tensor]:
        return {name: normals(R, J, *shape, seed=i) / 2 for i, (name, shape) in enumerate(case.shapes.items())}

    def flow(
        self, case: VectorField, parameters: dict[str, Tensor], start: Tensor, since: float, until: float
    ) -> Tensor:
        bases = dict.fromkeys(parameters, basis)
        return solve(lambda t, x: case(x, path_at(parameters, bases, t + since)), start, until - since)

    def loss(self, case: VectorField, end: Tensor) -> Tensor:
        return half_square(end)[0].sum()

    def gradients(self, case: VectorField, start: Tensor, since: float) -> tuple[Tensor, dict[str, Tensor], float]:
        shifted = lambda times: basis(times + since)  # noqa: E731
        gradients = adjoint(case, self.parameters(case), shifted, start, self.horizon - since, half_square)
        return gradients.x0, gradients.coefficients, max(gradients.errors["x0"], gradients.errors["coefficients"])


@pytest.mark.slow
def test_gradients_of_a_scalar_linear_equation_are_exact():
    # x' = w(t) x + b, b = 0: x(T) = x_0 exp(sum_j c_j B_j(T)), B_j = int b_j. With J = |x(T)|^2/2:
    # dJ/dx_0 = x(T)^2/x_0, dJ/dc_j = sum x(T)^2 B_j(T), density of w: sum x(T)^2 (constant in time),
    # density of the bias: a(t) = sum x(T)^2 / x(t).
    f = field(OneBlock(), "identity", 1)
    c = {"W": normals(R, J, 1, 1), "b": torch.zeros(R, J, 1, dtype=torch.float64)}
    x0, horizon = normals(R, N, 1, seed=1), 1.3
    times = torch.tensor([0.0, 0.4, 1.1, horizon], dtype=torch.float64)
    result = adjoint(f, c, basis, x0, horizon, half_square, times=times)

    exponent = torch.stack([c["W"][:, :, 0, 0] @ integral(float(t)) for t in times], dim=1)
    growth = exponent[:, -1:, None].exp()
    final = x0 * growth
    square = final.square().sum(dim=1)
    torch.testing.assert_close(result.loss, square[:, 0] / 2, rtol=1e-11, atol=0)

    def close(name, value, exact):
        assert float((value - exact).abs().max()) <= result.errors[name] < 1e-10

    close("output", result.output, final)
    close("x0", result.x0, final * growth)
    close("coefficients", result.coefficients["W"][..., 0], square[:, None] * integral(horizon)[:, None])
    close("density", result.density["W"][..., 0], square[:, None].expand(R, len(times), 1))
    trajectory = x0[:, None] * exponent.exp()[:, :, None, None]
    close("density", result.density["b"], (final.square()[:, None] / trajectory).sum(dim=2))


def test_gradients_of_a_matrix_equation_with_constant_weights_are_exact():
    # x' = A x: dJ/dx_0 = exp(A^T T) x(T); the density is g(t) = sum_n a(t) x(t)^T with a(t) = exp(A^T (T - t)) x(T).
    f = field(OneBlock(), "identity", D)
    a = normals(R, 1, D, D) / 2
    c = {"W": a, "b": torch.zeros(R, 1, D, dtype=torch.float64)}
    x0 = normals(R, N, D, seed=1)
    times = torch.tensor([0.25, 0.5], dtype=torch.float64)
    result = adjoint(f, c, lambda t: torch.ones(len(t), 1, dtype=t.dtype), x0, 1.0, half_square, times=times)

    def flow(t):
        return torch.linalg.matrix_exp(t * a[:, 0])

    final = x0 @ flow(1.0).mT
    assert float((result.x0 - final @ flow(1.0)).abs().max()) <= result.errors["x0"]
    for i, t in enumerate([0.25, 0.5]):
        exact = (final @ flow(1 - t)).mT @ (x0 @ flow(t).mT)
        assert float((result.density["W"][:, i] - exact).abs().max()) <= result.errors["density"]


@pytest.mark.parametrize(("name", "order"), [("euler", 1), ("heun", 2), ("rk4", 4)])
def test_gradients_of_networks_converge_to_the_adjoint_at_the_order_of_the_scheme(name, order):
    f, step = field(TwoBlock(hidden=5), "tanh", D), STEPS[name]
    c = {n: normals(R, J, *shape, seed=i) / 2 for i, (n, shape) in enumerate(f.shapes.items())}
    x0 = normals(R, N, D, seed=9)
    result = adjoint(f, c, basis, x0, 1.0, half_square)
    errors = []
    for depth in {1: (256, 512), 2: (64, 128), 4: (16, 32)}[order]:
        b = basis(step.times(depth))
        weights = {n: torch.einsum("tj,rj...->rt...", b, w) for n, w in c.items()}
        net = gradients(f, step, x0, weights, 1 / depth, half_square)
        by_coefficient = {n: torch.einsum("tj,rt...->rj...", b, g) for n, g in net.weights.items()}
        errors.append(max(float((by_coefficient[n] - result.coefficients[n]).abs().max()) for n in c))
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.1)
    assert errors[1] < {1: 0.1, 2: 1e-3, 4: 1e-5}[order]


@pytest.mark.slow
def test_depth_times_the_gradient_of_a_layer_converges_to_the_density():
    f, step = field(OneBlock(), "tanh", D), STEPS["euler"]
    c = {n: normals(R, J, *shape, seed=i) / 2 for i, (n, shape) in enumerate(f.shapes.items())}
    x0 = normals(R, N, D, seed=9)
    times = torch.tensor([0.25, 0.5, 0.75], dtype=torch.float64)
    result = adjoint(f, c, basis, x0, 1.0, half_square, times=times)
    errors = []
    for depth in (256, 512):
        b = basis(step.times(depth))
        weights = {n: torch.einsum("tj,rj...->rt...", b, w) for n, w in c.items()}
        net = gradients(f, step, x0, weights, 1 / depth, half_square)
        at = [depth // 4, depth // 2, 3 * depth // 4]
        errors.append(max(float((depth * net.weights[n][:, at] - result.density[n]).abs().max()) for n in c))
    assert math.log2(errors[0] / errors[1]) == pytest.approx(1, abs=0.1)
    assert errors[1] < 0.05


@pytest.mark.slow
def test_a_basis_may_differ_from_parameter_to_parameter():
    f = field(OneBlock(), "tanh", D)
    c = {"W": normals(R, J, D, D), "b": normals(R, 1, D)}
    bases = {"W": basis, "b": lambda t: torch.ones(len(t), 1, dtype=t.dtype)}
    x0 = normals(R, N, D, seed=9)
    result = adjoint(f, c, bases, x0, 1.0, half_square)
    padded = {"W": c["W"], "b": torch.cat([c["b"], torch.zeros(R, J - 1, D, dtype=torch.float64)], dim=1)}
    same = adjoint(f, padded, basis, x0, 1.0, half_square)
    torch.testing.assert_close(result.coefficients["b"], same.coefficients["b"][:, :1], rtol=1e-9, atol=1e-10)


def test_times_outside_the_horizon_are_refused():
    f = field(OneBlock(), "tanh", D)
    c = {"W": normals(R, J, D, D), "b": normals(R, J, D)}
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        adjoint(f, c, basis, normals(R, N, D), 1.0, half_square, times=torch.tensor([0.5, 1.5]))


@pytest.mark.slow
def test_nodes_are_added_for_a_path_that_moves_fast():
    # w(t) = c cos(120 t): 32 nodes alias it. dJ/dc = sum x(T)^2 sin(120) / 120, as for the scalar equation above.
    f = field(OneBlock(), "identity", 1)
    c = {"W": normals(R, 1, 1, 1), "b": torch.zeros(R, 1, 1, dtype=torch.float64)}
    x0 = normals(R, N, 1, seed=1)
    result = adjoint(f, c, lambda t: torch.cos(120 * t)[:, None], x0, 1.0, half_square, tolerance=1e-8)
    mean = math.sin(120) / 120
    final = x0 * (c["W"][:, :, :, 0] * mean).exp()
    exact = final.square().sum(dim=1, keepdim=True) * mean
    assert float((result.coefficients["W"][..., 0] - exact).abs().max()) <= result.errors["coefficients"] < 1e-6
