"""The laws that every limit obeys, stated once; a limit inherits those of its kind with a few lines.

    class TestMine(LimitLaws):
        cases = {"tanh": partial(problem, "tanh")}

        def start(self, case): ...
        def flow(self, case, start, since, until): ...          # the state, and the error the limit reports
        def independent(self, case, start, until): ...          # exact, or by a solver that is not its own

LimitLaws         states that move in time: start, division of time, another solution, an error that is no excuse
AdjointLaws       costates and gradients are derivatives of the loss; products of costates and tangents are constant
StationaryLaws    stationary points of a functional over paths: first variation, value, energy
SchemeLaws        schemes of an SDE: the ODE without noise, the order on one noise, mean and variance of a linear SDE

What a limit says of its error is believed only as far as an exact or independent solution bears it out. That each law
turns red is shown in `test_limit_laws.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

from resnet_limits.engines import default_engine
from resnet_limits.random import Stream
from resnet_limits.sampling.layer_law import Isotropic, Law
from resnet_limits.sampling.matrix_normal import MatrixNormal
from resnet_limits.sampling.schemes import Scheme, Walker
from tests.normals import normals
from tests.sampling.naive import points, worst_deviation


def adaptive(velocity: Callable[[float, Tensor], Tensor], start: Tensor, until: float) -> Tensor:
    """The solution by scipy's Runge-Kutta method of order 8, on the state as one vector."""

    def of(t: float, y: np.ndarray) -> np.ndarray:
        return velocity(t, torch.from_numpy(y).reshape(start.shape)).numpy().ravel()

    y = solve_ivp(of, (0, until), start.numpy().ravel(), method="DOP853", rtol=1e-13, atol=1e-14).y[:, -1]
    return torch.from_numpy(y).reshape(start.shape)


def derivative(along: Callable[[float], Tensor]) -> Tensor:
    """Five-point derivative of `along(s)` at 0: truncation 6e-14 times fifth derivatives, noise 1e-12 / 5e-4."""
    eps = 5e-4
    return (8 * (along(eps) - along(-eps)) - (along(2 * eps) - along(-2 * eps))) / (12 * eps)


class Cases:
    """`cases`: how to make each by its name."""

    cases: Mapping[str, Callable[[], Any]]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "make" in metafunc.fixturenames:
            metafunc.parametrize("make", list(self.cases.values()), ids=list(self.cases))

    @pytest.fixture
    def case(self, make: Callable[[], Any]) -> Any:
        return make()


class LimitLaws(Cases):
    """Inherit, set `cases`, and define `start`, `flow` and `independent`."""

    horizon = 1.0
    rounding = 1e-12
    """Of the state, relative to its largest entry: what no limit's own error counts, and the other solver's error."""
    excuse = 1e-8
    """The largest error, relative, that a limit may report."""

    def start(self, case: Any) -> Tensor:
        """The state at time 0, float64."""
        raise NotImplementedError

    def flow(self, case: Any, start: Tensor, since: float, until: float) -> tuple[Tensor, float]:
        """The state at `until` of what is at `start` at `since`, and the limit's own error; 0 where it has none."""
        raise NotImplementedError

    def independent(self, case: Any, start: Tensor, until: float) -> Tensor:
        """The state at `until` of what is at `start` at time 0, exact or by another solver."""
        raise NotImplementedError

    def allowed(self, state: Tensor, *errors: float) -> float:
        return sum(errors) + self.rounding * float(state.abs().max())

    def test_it_begins_where_it_starts(self, case):
        start = self.start(case)
        near, twice = (self.flow(case, start, 0.0, t)[0] - start for t in (1e-5, 2e-5))
        assert float(near.abs().max()) < 1e-3 * float(start.abs().max())
        assert float((twice - 2 * near).abs().max()) < self.allowed(start) + 1e-3 * float(twice.abs().max())

    def test_time_may_be_split(self, case):
        start, T = self.start(case), self.horizon
        whole, error = self.flow(case, start, 0.0, T)
        for at in (0.3, 0.5, 0.9):
            middle, first = self.flow(case, start, 0.0, at * T)
            end, second = self.flow(case, middle, at * T, T)
            # an error at the middle grows on the way to the end, as the flow does
            bumped, _ = self.flow(case, middle * (1 + 1e-6), at * T, T)
            growth = float((bumped - end).abs().max()) / (1e-6 * float(middle.abs().max()))
            off = float((end - whole).abs().max())
            assert off < self.allowed(whole, error, second, 2 * max(growth, 1.0) * self.allowed(middle, first)), at

    def test_it_is_no_further_from_another_solution_than_it_says(self, case):
        start = self.start(case)
        for until in (0.4, 1.0):
            state, error = self.flow(case, start, 0.0, until * self.horizon)
            expected = self.independent(case, start, until * self.horizon)
            off = float((state - expected).abs().max())
            assert off <= self.allowed(expected, error), (until, off)
            assert float((expected - start).abs().max()) > 1e-3 * float(start.abs().max()), "nothing moved"

    def test_its_error_is_no_excuse(self, case):
        state, error = self.flow(case, self.start(case), 0.0, self.horizon)
        assert error <= self.excuse * float(state.abs().max())


class AdjointLaws(Cases):
    """Inherit, set `cases`, and define `start`, `parameters`, `flow`, `loss` and `gradients`."""

    horizon = 1.0
    rounding = 1e-8
    """Of a derivative by differences, relative to its size."""
    excuse = 1e-8

    def start(self, case: Any) -> Tensor:
        raise NotImplementedError

    def parameters(self, case: Any) -> dict[str, Tensor]:
        raise NotImplementedError

    def flow(self, case: Any, parameters: dict[str, Tensor], start: Tensor, since: float, until: float) -> Tensor:
        """The state at `until` of what is at `start` at `since`: nothing of the adjoint."""
        raise NotImplementedError

    def loss(self, case: Any, end: Tensor) -> Tensor:
        """The loss of the state at the horizon, a number."""
        raise NotImplementedError

    def gradients(self, case: Any, start: Tensor, since: float) -> tuple[Tensor, dict[str, Tensor], float]:
        """Of the loss of what is at `start` at `since`: the costate there, gradients of parameters, and the error."""
        raise NotImplementedError

    def close(self, value: Tensor, expected: Tensor, error: float) -> None:
        off, size = float((value - expected).abs()), float(expected.abs())
        assert size > 1e-3, "nothing to see"
        assert off < self.rounding * (1 + size) + error, (float(value), float(expected))

    def test_costates_and_gradients_are_derivatives_of_the_loss(self, case):
        start, c, T = self.start(case), self.parameters(case), self.horizon

        def moved(s: float, along: dict[str, Tensor]) -> Tensor:
            coefficients = {name: value + s * along[name] if name in along else value for name, value in c.items()}
            return self.loss(case, self.flow(case, coefficients, start + s * along.get("start", 0.0), 0.0, T))

        costate, gradients, error = self.gradients(case, start, 0.0)
        assert set(gradients) == set(c)
        for name, gradient in {"start": costate, **gradients}.items():
            v = normals(*gradient.shape, seed=20)
            self.close((gradient * v).sum(), derivative(partial(moved, along={name: v})), error * float(v.abs().sum()))
        assert error <= self.excuse * max(float(gradient.abs().max()) for gradient in (costate, *gradients.values()))

    def test_products_of_costates_and_tangents_are_constant(self, case):
        start, c, until = self.start(case), self.parameters(case), 0.6 * self.horizon
        u = normals(*start.shape, seed=22)

        def moved(s: float) -> Tensor:
            return self.flow(case, c, start + s * u, 0.0, until)

        tangent = derivative(moved)
        (first, _, error), (there, _, error_there) = (
            self.gradients(case, x, t) for x, t in ((start, 0.0), (moved(0.0), until))
        )
        allowed = error * float(u.abs().sum()) + error_there * float(tangent.abs().sum())
        self.close((there * tangent).sum(), (first * u).sum(), allowed)


class StationaryLaws(Cases):
    """Of solutions of the equations of

        E = int_0^1 running(u, u') dt + ends(x(1), u(0), u(1)),     x' = velocity(x, u)

    over all paths u: inherit, set `cases`, and define what E is, `solve` and `path`. All that is tested follows from E,
    by RK4 and autograd; u may move freely at both ends, and what has no velocity is moved by a constant alone.
    """

    steps = 64
    rounding = 1e-6
    """Of gradients, relative to that beside the solution; of the value and the energy, relative to the largest part."""

    def begin(self, case: Any) -> Tensor:
        """x(0)."""
        raise NotImplementedError

    def velocity(self, case: Any, x: Tensor, u: Tensor) -> Tensor:
        raise NotImplementedError

    def running(self, case: Any, u: Tensor, du: Tensor) -> Tensor:
        """At several times, (times, m) -> (times,)."""
        raise NotImplementedError

    def ends(self, case: Any, end: Tensor, first: Tensor, last: Tensor) -> Tensor:
        raise NotImplementedError

    def solve(self, case: Any) -> tuple[Any, float]:
        """The solution, and the value that it says E has."""
        raise NotImplementedError

    def path(self, case: Any, solution: Any, times: Tensor) -> tuple[Tensor, Tensor]:
        """`u, u'` at these times, (times, m)."""
        raise NotImplementedError

    def constants(self, case: Any) -> int:
        """How many of the last entries of u are numbers and no functions of time."""
        return 0

    @pytest.fixture
    def solved(self, case: Any) -> tuple[Any, Any, float]:
        return case, *self.solve(case)

    def functional(self, case: Any, u: Tensor, du: Tensor) -> tuple[Tensor, list[Tensor]]:
        """`E`, and the states at the steps; u at steps and midpoints, (2 steps + 1, m)."""
        h, x = 1 / self.steps, self.begin(case).clone().requires_grad_()
        states = [x]
        for s in range(self.steps):
            a, b, c = u[2 * s : 2 * s + 3]
            k1 = self.velocity(case, x, a)
            k2 = self.velocity(case, x + h / 2 * k1, b)
            k3 = self.velocity(case, x + h / 2 * k2, b)
            x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + self.velocity(case, x + h * k3, c))
            states.append(x)
        simpson = torch.tensor([1.0, *[4.0, 2.0] * (self.steps - 1), 4.0, 1.0], dtype=torch.float64) * h / 6
        return (simpson * self.running(case, u, du)).sum() + self.ends(case, x, u[0], u[-1]), states

    def beside(self, case: Any, solution: Any, bump: Tensor) -> Tensor:
        """`E` of the solution plus `bump_0 + bump_1 t + bump_2 t^2 + bump_3 t^3`."""
        t = torch.linspace(0, 1, 2 * self.steps + 1, dtype=torch.float64)
        powers = torch.arange(4, dtype=torch.float64)
        moving = torch.ones_like(bump)
        moving[1:, bump.shape[1] - self.constants(case) :] = 0
        u, du = self.path(case, solution, t)
        slopes = powers * t[:, None] ** (powers - 1).clamp(min=0)
        return self.functional(case, u + t[:, None] ** powers @ (moving * bump), du + slopes @ (moving * bump))[0]

    def test_the_first_variation_vanishes(self, solved):
        case, solution, _ = solved
        m = self.path(case, solution, torch.zeros(1, dtype=torch.float64))[0].shape[1]
        still = torch.zeros(4, m, dtype=torch.float64)
        at, near = (
            torch.autograd.grad(self.beside(case, solution, bump.requires_grad_()), bump)[0]
            for bump in (still, 0.1 * normals(*still.shape))
        )
        assert float(at.abs().max()) < self.rounding * float(near.abs().max()), (at.abs().max(), near.abs().max())

    def test_its_value_is_that_of_the_functional(self, solved):
        case, solution, value = solved
        u, du = self.path(case, solution, torch.linspace(0, 1, 2 * self.steps + 1, dtype=torch.float64))
        value_at_u, _ = self.functional(case, u, du)
        assert float(value_at_u.detach()) == pytest.approx(value, rel=self.rounding)

    def test_energy_is_conserved(self, solved):
        """`<p, velocity> + running - <u', d running/du'>`, with the costate `p = dE/dx`."""
        case, solution, _ = solved
        u, du = self.path(case, solution, torch.linspace(0, 1, 2 * self.steps + 1, dtype=torch.float64))
        value, states = self.functional(case, u, du)
        costates = torch.autograd.grad(value, states)
        u, du = u[::2], du[::2].clone().requires_grad_()
        moving = torch.stack(
            [(p * self.velocity(case, x, direction)).sum() for p, x, direction in zip(costates, states, u, strict=True)]
        )
        running = self.running(case, u, du)
        (momenta,) = torch.autograd.grad(running.sum() + 0 * du.sum(), du)
        parts = moving, running, -(du * momenta).sum(dim=1)
        energy, size = torch.stack(parts).detach().sum(dim=0), max(float(part.detach().abs().max()) for part in parts)
        assert float(energy.max() - energy.min()) < self.rounding * size
        assert size > 1e-3, "nothing to see"


@dataclass(frozen=True)
class Equation:
    """`dx = (slope (mu psi + mu_b) + curvature/2 v) dt + slope (dW psi + db)`, v the variance of `dW psi + db`."""

    phi: str
    slope: float
    curvature: float
    inside: str = "identity"
    psi: Callable[[Tensor], Tensor] = staticmethod(lambda x: x)


@dataclass(frozen=True)
class Written:
    """The equation's Euler-Maruyama scheme, as it is written down, for weights of sizes sigma_w and sigma_b."""

    equation: Equation
    law: Isotropic

    def features(self, x: Tensor) -> Tensor:
        return self.equation.psi(x)

    def step(self, x: Tensor, features: Tensor, z: Tensor, h: float) -> Tensor:
        v = self.law.sigma_b**2 + self.law.sigma_w**2 * self.equation.psi(x).square().mean(dim=-1, keepdim=True)
        return x + self.equation.slope * z + h * self.equation.curvature / 2 * v


class SchemeLaws(Cases):
    """Of a scheme of strong order 1/2 and of order 1 in the mean: inherit, set `cases`, and define `scheme`."""

    width = 2
    start = torch.tensor([[0.8, -0.5]], dtype=torch.float64)

    def scheme(self, case: Equation, law: Law) -> Scheme:
        raise NotImplementedError

    def at_depth(self, case: Equation, law: Law, depth: int, *, replicas: int, horizon: float) -> Tensor:
        start, walker = self.start.expand(replicas, 1, self.width), Walker(self.scheme(case, law), depth)
        (x,) = default_engine().final([walker], start, law, horizon=horizon, stream=Stream(0, "test.laws"))
        return x[:, 0]

    def general(self, *, weights: float = 0.0, noise: float = 0.0) -> MatrixNormal:
        """Weights that have a mean, and covariances of these sizes."""
        roots = (points(self.width, self.width, seed) for seed in (2, 3, 4))
        U, V, S = (root @ root.T / self.width for root in roots)
        mu, mu_b = points(self.width, self.width, 1), points(1, self.width, 5)[0]
        return MatrixNormal(mu, mu_b, U, weights * V, noise * S)

    def test_without_noise_it_is_the_ode_at_order_one(self, case: Equation):
        # In pairs: the right rate, and the right limit, by Richardson's extrapolation.
        law = self.general()

        def velocity(t: float, x: Tensor) -> Tensor:
            return case.slope * (case.psi(x) @ law.mu.T + law.mu_b)

        exact = adaptive(velocity, self.start, 1.0)
        coarse, fine = (self.at_depth(case, law, depth, replicas=1, horizon=1.0) for depth in (64, 128))
        errors = [float((x - exact).abs().max()) for x in (coarse, fine)]
        assert math.log2(errors[0] / errors[1]) == pytest.approx(1, abs=0.05)
        assert float((2 * fine - coarse - exact).abs().max()) < 0.05 * errors[1]

    def test_on_one_noise_it_approaches_a_finer_path_at_order_one_half(self, case: Equation):
        law, depths = Isotropic(0.6, 0.5), (8, 16, 32)
        walkers = [Walker(self.scheme(case, law), depth) for depth in depths]
        start = self.start.expand(1024, 1, self.width)
        reference = Walker(Written(case, law), 32 * depths[-1])
        *ends, fine = default_engine().final(
            [*walkers, reference], start, law, horizon=1.0, stream=Stream(1, "test.laws")
        )
        errors = [float((x - fine).square().mean().sqrt()) for x in ends]
        assert math.log(errors[0] / errors[-1], depths[-1] / depths[0]) == pytest.approx(0.5, abs=0.1), errors
        assert errors[-1] < 0.2 * float((fine - start).square().mean().sqrt())

    def test_mean_and_variance_of_a_linear_sde_are_exact(self, case: Equation):
        """`m' = A m + c`, `M' = A M + M A^T + c m^T + m c^T + slope^2 (tr(V M) U + S)` of `M = E x x^T`.

        Only without noise of the weights where the drift has their square.
        """
        if case.inside != "identity":
            case = Equation(case.phi, case.slope, case.curvature)
        law = self.general(weights=0.0 if case.curvature else 0.3, noise=0.5)
        A, c = case.slope * law.mu, case.slope * law.mu_b + case.curvature / 2 * law.S.diagonal()

        def velocity(t: float, both: Tensor) -> Tensor:
            m, M = both[0], both[1:]
            dM = A @ M + M @ A.T + torch.outer(c, m) + torch.outer(m, c)
            return torch.cat([(A @ m + c)[None], dM + case.slope**2 * ((law.V * M).sum() * law.U + law.S)])

        x0, horizon = self.start[0], 0.5
        moments = adaptive(velocity, torch.cat([x0[None], torch.outer(x0, x0)]), horizon)
        mean, covariance = moments[0], moments[1:] - torch.outer(moments[0], moments[0])
        x = self.at_depth(case, law, 64, replicas=10_000, horizon=horizon)
        assert worst_deviation(x, mean, covariance) < 1
