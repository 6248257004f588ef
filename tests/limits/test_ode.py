"""The reference solution: exact where a formula is known, and never worse than it says."""

from typing import ClassVar

import pytest
import torch

from resnet_limits.errors import MeasurementError
from resnet_limits.limits.ode import solve, solve_with_error
from resnet_limits.networks.blocks import field
from resnet_limits.networks.blocks.one import OneBlock
from resnet_limits.networks.residual import forward
from resnet_limits.networks.steps import STEPS
from tests.problems import PROBLEMS, Problem, modulated

from .limit_laws import LimitLaws


class TestSolution(LimitLaws):
    cases: ClassVar = {problem.name: lambda problem_of_case=problem: problem_of_case for problem in PROBLEMS}

    def start(self, case: Problem) -> torch.Tensor:
        return case.x0

    def flow(self, case: Problem, start: torch.Tensor, since: float, until: float) -> tuple[torch.Tensor, float]:
        return solve_with_error(lambda t, x: case.velocity(t + since, x), start, until - since)

    def independent(self, case: Problem, start: torch.Tensor, until: float) -> torch.Tensor:
        return case.solution(until)


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.name)
@pytest.mark.parametrize("tolerance", [1e-12, 1e-8, 1e-5])
def test_the_error_estimate_bounds_the_distance_to_the_exact_solution(problem, tolerance):
    times = torch.tensor([0.0, 0.3, 0.7, 1.0], dtype=torch.float64)
    solution, error = solve_with_error(problem.velocity, problem.x0, times, tolerance=tolerance)
    exact = torch.stack([problem.solution(float(t)) for t in times])
    assert float((solution - exact).abs().max()) <= error
    # and it is no excuse: a claim leaves out points whose reference error is a tenth of their error
    assert error < 300 * tolerance


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.name)
def test_a_horizon_is_the_last_of_the_times(problem):
    at_horizon = solve(problem.velocity, problem.x0, 0.8)
    times = torch.tensor([0.4, 0.8], dtype=torch.float64)
    at_times = solve(problem.velocity, problem.x0, times)
    assert at_horizon.shape == problem.x0.shape
    assert at_times.shape == (2, *problem.x0.shape)
    torch.testing.assert_close(at_times[1], at_horizon, rtol=1e-11, atol=1e-12)
    from_zero = solve(problem.velocity, problem.x0, torch.tensor([0.0, 0.4, 0.8], dtype=torch.float64))
    assert torch.equal(from_zero[0], problem.x0)
    torch.testing.assert_close(from_zero[1:], at_times, rtol=0, atol=0)


def test_a_network_of_rk4_at_depth_1024_agrees_within_the_estimate_of_both():
    # Independent of the solver, its error control and its interpolation. RK4's own error is a fifteenth of the
    # distance between depths 512 and 1024 (Richardson), and rounding over 1024 steps.
    width, f = 8, field(OneBlock(), "tanh", 8)
    stream = torch.Generator().manual_seed(1)
    a, b, c = (torch.randn(2, width, width, generator=stream, dtype=torch.float64) / width**0.5 for _ in range(3))
    bias = torch.randn(2, width, generator=stream, dtype=torch.float64)
    x0 = torch.randn(2, 6, width, generator=stream, dtype=torch.float64)

    def weights_at(t):
        s = t.reshape(1, -1, 1, 1)
        w = a[:, None] + torch.sin(4 * s) * b[:, None] + torch.cos(7 * s) * c[:, None]
        return {"W": w, "b": torch.cos(3 * t)[None, :, None] * bias[:, None]}

    solution, error = solve_with_error(lambda t, x: f(x, {n: w[:, 0] for n, w in weights_at(t[None]).items()}), x0, 1.0)
    rk4 = STEPS["rk4"]
    coarse, fine = (forward(f, rk4, x0, weights_at(rk4.times(depth)), 1 / depth) for depth in (512, 1024))
    error_of_rk4 = float((coarse - fine).abs().max()) / 15
    distance = float((solution - fine).abs().max())
    assert distance <= error + 2 * error_of_rk4 + 1e-13
    assert error < 1e-10


def test_no_replica_hides_its_error_behind_the_others():
    # One replica in a thousand turns fast; in a root mean square its error would count a thirtieth.
    frequency = torch.ones(1000, 1, 1, dtype=torch.float64)
    frequency[-1] = 40.0

    def velocity(t, x):
        return frequency * torch.stack([-x[..., 1], x[..., 0]], dim=-1)

    x0 = torch.tensor([1.0, 0.0], dtype=torch.float64).expand(1000, 1, 2).contiguous()
    solution, error = solve_with_error(velocity, x0, 1.0)
    exact = torch.stack([frequency.cos(), frequency.sin()], dim=-1)[:, :, 0]
    distance = float((solution - exact).abs().max())
    assert distance <= error
    assert distance < 1e-10


def test_explosion_is_a_measurement_error_and_says_when():
    with pytest.raises(MeasurementError, match="to 2 at tolerance"):
        solve(lambda t, x: x * x, torch.ones(1, 1, 1, dtype=torch.float64), 2.0)


def test_single_precision_and_disordered_times_are_refused():
    with pytest.raises(ValueError, match="float64"):
        solve(lambda t, x: x, torch.ones(1, 1, 1), 1.0)
    with pytest.raises(ValueError, match="increase"):
        solve(lambda t, x: x, torch.ones(1, 1, 1, dtype=torch.float64), torch.tensor([0.5, 0.2]))
    with pytest.raises(ValueError, match="increase"):
        solve(lambda t, x: x, torch.ones(1, 1, 1, dtype=torch.float64), 0.0)


def test_the_field_is_never_read_beyond_the_times_and_every_time_is_landed_on():
    # A path of weights ends with the horizon. Given all times at once, torchdiffeq 0.2.5 stops landing on them when a
    # step ends on one by itself, which in this problem happens with 21 times: at t = 0.15, after three equal steps.
    problem, read = modulated(), []

    def velocity(t, x):
        read.append(float(t))
        return problem.velocity(t, x)

    for n in (2, 19, 21, 40):
        times = torch.linspace(0, 1, n, dtype=torch.float64)
        solution = solve(velocity, problem.x0, times)
        exact = torch.stack([problem.solution(float(t)) for t in times])
        assert float((solution - exact).abs().max()) < 5e-12, n
    assert min(read) >= 0.0
    assert max(read) <= 1.0 + 1e-15
