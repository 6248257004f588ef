"""Every law of limits turns red where what it speaks of is broken."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from torch import Tensor

from resnet_limits.limits import adjoint, ode
from resnet_limits.limits.hamiltonian.kernels.features import FeaturesAt
from resnet_limits.networks.activations.tanh import Tanh
from resnet_limits.sampling.schemes import EulerMaruyama
from resnet_limits.training.loss_with_curvature import MeanSquareLoss
from tests.planting import plant, plant_method, resize
from tests.sampling import test_schemes as schemes
from tests.studies.sde import faults

from . import limit_laws, test_adjoint, test_euler_lagrange, test_hamiltonian_shooting, test_ode

Fault = Callable[[pytest.MonkeyPatch], None]


def solutions(change: Callable[[Any, Tensor], Any]) -> Fault:
    """Solutions of ODEs are `change(solution, grid)`."""
    right = ode.integrate

    def integrate(velocity: Any, start: Any, grid: Tensor, *how: Any) -> Any:
        return change(right(velocity, start, grid, *how), grid)

    return lambda patch: plant(patch, right, integrate)


def pulled_back(state: float, parameters: float) -> Fault:
    """Derivatives of the field are off by these factors."""
    right = adjoint.pull_back

    def pull_back(*arguments: Any, **how: Any) -> Any:
        f, dx, dtheta = right(*arguments, **how)
        return f, state * dx, {name: parameters * g for name, g in dtheta.items()}

    return lambda patch: plant(patch, right, pull_back)


def a_start_that_is_not_kept(x: Tensor, grid: Tensor) -> Tensor:
    return x + 0.01 * x.abs().max()


def a_drift_of_the_square_of_time(x: Tensor, grid: Tensor) -> Tensor:
    return x * (1 + 1e-6 * float(grid[-1] - grid[0]) ** 2)


def huge_errors(patch: pytest.MonkeyPatch) -> None:
    plant(patch, ode.distance_of_solutions, lambda solution, worse: 1.0)
    resize(patch, adjoint, MOST_NODES_IN_TIME=32)  # else it takes more and more of them


def wrong_slope(patch: pytest.MonkeyPatch) -> None:
    """The Euler-Lagrange equations have a derivative of tanh that is 0.1 % off."""
    right = Tanh.derivatives_in_numpy
    patch.setattr(
        Tanh, "derivatives_in_numpy", lambda activation, z: (1.001 * right(activation, z)[0], right(activation, z)[1])
    )


def wrong_rate(patch: pytest.MonkeyPatch) -> None:
    """Hamilton's equations have a rate of the momenta that is 0.1 % off."""
    right = FeaturesAt.both

    def both(at_points: FeaturesAt, P: Tensor) -> tuple[Tensor, Tensor]:
        velocity, rate = right(at_points, P)
        return velocity, 1.001 * rate

    patch.setattr(FeaturesAt, "both", both)


def wrong_value(patch: pytest.MonkeyPatch) -> None:
    right = MeanSquareLoss.value
    patch.setattr(MeanSquareLoss, "value", lambda loss, o: right(loss, o) * 1.001)


def no_ito_drift(patch: pytest.MonkeyPatch) -> None:
    def step(scheme: EulerMaruyama, x: Tensor, features: Tensor, z: Tensor, h: float) -> Tensor:
        return x + 0.5 * z

    plant_method(patch, EulerMaruyama, "step", step)


def noise_of_its_own_for_each_depth(patch: pytest.MonkeyPatch) -> None:
    faults.noise_of_its_own_for_each_depth(patch, depths=4)


RED: list[tuple[Any, str, str, Fault]] = [
    (test_ode.TestSolution, "linear", "it_begins_where_it_starts", solutions(a_start_that_is_not_kept)),
    (test_ode.TestSolution, "linear", "time_may_be_split", solutions(a_drift_of_the_square_of_time)),
    (
        test_ode.TestSolution,
        "modulated",
        "it_is_no_further_from_another_solution_than_it_says",
        solutions(a_drift_of_the_square_of_time),
    ),
    (test_ode.TestSolution, "linear", "its_error_is_no_excuse", huge_errors),
    (test_adjoint.TestAdjoint, "one", "costates_and_gradients_are_derivatives_of_the_loss", pulled_back(1.001, 1.0)),
    (test_adjoint.TestAdjoint, "one", "costates_and_gradients_are_derivatives_of_the_loss", pulled_back(1.0, 1.001)),
    (test_adjoint.TestAdjoint, "one", "costates_and_gradients_are_derivatives_of_the_loss", huge_errors),
    (test_adjoint.TestAdjoint, "one", "products_of_costates_and_tangents_are_constant", pulled_back(1.001, 1.0)),
    (test_euler_lagrange.TestExtremal, "tanh", "the_first_variation_vanishes", wrong_slope),
    (test_hamiltonian_shooting.TestShooting, "tanh", "the_first_variation_vanishes", wrong_rate),
    (test_euler_lagrange.TestExtremal, "tanh", "energy_is_conserved", wrong_slope),
    (test_euler_lagrange.TestExtremal, "tanh", "its_value_is_that_of_the_functional", wrong_value),
    (schemes.TestNetwork, "tanh", "without_noise_it_is_the_ode_at_order_one", faults.wrong_drift),
    (
        schemes.TestNetwork,
        "tanh",
        "on_one_noise_it_approaches_a_finer_path_at_order_one_half",
        noise_of_its_own_for_each_depth,
    ),
    (schemes.TestEulerMaruyama, "gelu", "on_one_noise_it_approaches_a_finer_path_at_order_one_half", no_ito_drift),
    (schemes.TestEulerMaruyama, "swish", "mean_and_variance_of_a_linear_sde_are_exact", no_ito_drift),
    (schemes.TestNetwork, "tanh", "mean_and_variance_of_a_linear_sde_are_exact", faults.wrong_drift),
]
"""Whose law, of which case, which one, and a fault that breaks it."""


def run(whose: Any, name: str, law: str) -> None:
    laws, case = whose(), whose.cases[name]()
    test = getattr(laws, f"test_{law}")
    test((case, *laws.solve(case)) if "solved" in inspect.signature(test).parameters else case)


@pytest.mark.slow
@pytest.mark.parametrize(("whose", "name", "law", "fault"), RED, ids=[f"{w.__name__}-{law}" for w, _, law, _ in RED])
def test_a_planted_fault_turns_the_law_red(whose: Any, name: str, law: str, fault: Fault, monkeypatch):
    fault(monkeypatch)
    with pytest.raises(AssertionError):
        run(whose, name, law)


def test_every_law_has_a_fault_that_turns_it_red():
    kinds = limit_laws.LimitLaws, limit_laws.AdjointLaws, limit_laws.StationaryLaws, limit_laws.SchemeLaws
    stated = {(kind, name.removeprefix("test_")) for kind in kinds for name in vars(kind) if name.startswith("test_")}
    broken = {(kind, law) for whose, _, law, _ in RED for kind in kinds if issubclass(whose, kind)}
    assert stated == broken
