"""The laws that every limit obeys that moves states in time, stated once; a limit inherits them with a few lines.

    class TestMine(LimitLaws):
        cases = {"tanh": partial(problem, "tanh")}

        def start(self, case): ...
        def flow(self, case, start, since, until): ...          # the state, and the error the limit reports
        def independent(self, case, start, until): ...          # exact, or by a solver that is not its own

What a limit says of its error is believed only as far as an exact or independent solution bears it out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from torch import Tensor


def adaptive(velocity: Callable[[float, Tensor], Tensor], start: Tensor, until: float) -> Tensor:
    """The solution by scipy's Runge-Kutta method of order 8, on the state as one vector."""

    def of(t: float, y: np.ndarray) -> np.ndarray:
        return velocity(t, torch.from_numpy(y).reshape(start.shape)).numpy().ravel()

    y = solve_ivp(of, (0, until), start.numpy().ravel(), method="DOP853", rtol=1e-13, atol=1e-14).y[:, -1]
    return torch.from_numpy(y).reshape(start.shape)


class LimitLaws:
    """Inherit, set `cases`, how to make each by its name, and define `start`, `flow` and `independent`."""

    cases: Mapping[str, Callable[[], Any]]
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

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "make" in metafunc.fixturenames:
            metafunc.parametrize("make", list(self.cases.values()), ids=list(self.cases))

    @pytest.fixture
    def case(self, make: Callable[[], Any]) -> Any:
        return make()

    def allowed(self, state: Tensor, *errors: float) -> float:
        return sum(errors) + self.rounding * float(state.abs().max())

    def test_it_begins_where_it_starts(self, case):
        start = self.start(case)
        near, twice = (self.flow(case, start, 0.0, t)[0] - start for t in (1e-5, 2e-5))
        assert float(near.abs().max()) < 1e-3 * float(start.abs().max())
        assert float((twice - 2 * near).abs().max()) < self.allowed(start) + 1e-3 * float(twice.abs().max())

    @pytest.mark.parametrize("at", [0.3, 0.5, 0.9])
    def test_time_may_be_split(self, case, at: float):
        start, T = self.start(case), self.horizon
        whole, error = self.flow(case, start, 0.0, T)
        middle, first = self.flow(case, start, 0.0, at * T)
        end, second = self.flow(case, middle, at * T, T)
        # an error at the middle grows on the way to the end, as the flow does
        bumped, _ = self.flow(case, middle * (1 + 1e-6), at * T, T)
        growth = float((bumped - end).abs().max()) / (1e-6 * float(middle.abs().max()))
        off = float((end - whole).abs().max())
        assert off < self.allowed(whole, error, second, 2 * max(growth, 1.0) * self.allowed(middle, first)), off

    @pytest.mark.parametrize("until", [0.4, 1.0])
    def test_it_is_no_further_from_another_solution_than_it_says(self, case, until: float):
        start = self.start(case)
        state, error = self.flow(case, start, 0.0, until * self.horizon)
        expected = self.independent(case, start, until * self.horizon)
        off = float((state - expected).abs().max())
        assert off <= self.allowed(expected, error), off
        assert float((expected - start).abs().max()) > 1e-3 * float(start.abs().max()), "nothing moved"

    def test_its_error_is_no_excuse(self, case):
        state, error = self.flow(case, self.start(case), 0.0, self.horizon)
        assert error <= self.excuse * float(state.abs().max())
