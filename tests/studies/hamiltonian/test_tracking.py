"""`hamiltonian.tracking`: networks with a loss along their path."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from resnet_limits.limits.hamiltonian.end_loss import Fixed
from resnet_limits.limits.hamiltonian.kernels.features import FeaturesKernel
from resnet_limits.limits.hamiltonian.losses.square import SquareLoss
from resnet_limits.limits.hamiltonian.tracking import turnpike_rate
from resnet_limits.measurement.job import InMemory
from resnet_limits.networks.activations import activation_named
from resnet_limits.studies.hamiltonian.tracking import compare, measure
from resnet_limits.studies.hamiltonian.tracking.network import TrackingNetwork, biases_alone
from resnet_limits.training.minimiser import minimise
from tests.normals import normals
from tests.planting import plant
from tests.studies.hamiltonian.small import SHARED, SMALL, measured
from tests.studies.verdicts import verdict

DEPTHS = (8, 16, 32, 64)


@pytest.mark.slow
def test_networks_with_a_loss_along_their_path_follow_the_closed_forms():
    jobs = measured(measure, SMALL, DEPTHS, SHARED)
    for claim in ("path.observed", "rate", "biases", "biases.observed", "horizon"):
        assert verdict(f"hamiltonian.tracking.{claim}", jobs, compare).verdict == "supported", claim


@pytest.mark.slow
def test_a_rate_that_forgets_the_features_is_refuted(monkeypatch: pytest.MonkeyPatch):
    plant(monkeypatch, turnpike_rate, lambda a, y, nu: nu**-0.5, within="resnet_limits.studies.hamiltonian.tracking")
    jobs = measured(measure, SMALL, (16, 32, 64), InMemory())
    assert verdict("hamiltonian.tracking.rate", jobs, compare).verdict == "refuted"


def test_the_value_of_a_network_is_the_sum_over_its_layers():
    kernel, q0, y = FeaturesKernel(activation_named("tanh")), normals(3, 2), normals(3, 2, seed=1)
    along, at_end = Fixed(SquareLoss(), y), Fixed(SquareLoss(), normals(3, 1, seed=2))
    network = TrackingNetwork(kernel.of_points, q0, 0.3, 2.5, 4, along, at_end)
    omega, h = normals(4, 2, 3, seed=3), 2.5 / 4
    q, value = q0.numpy(), 0.0
    for w in omega.numpy():
        value += h * 0.3 / 2 * float((w**2).sum()) + h * float(((q - y.numpy()) ** 2).sum()) / (2 * 3)
        q = q + h * np.hstack([np.tanh(q), np.ones((3, 1))]) @ w.T
    value += float(((q[:, 1:] - at_end.y.numpy()) ** 2).sum()) / (2 * 3)
    z, v = ((h**0.5 * x).flatten().numpy() for x in (omega, normals(4, 2, 3, seed=4)))
    ahead, behind = (network.value_and_gradient(z + step * v)[1] for step in (1e-5, -1e-5))
    np.testing.assert_allclose(network.hessian(z)(v), (ahead - behind) / 2e-5, rtol=1e-6, atol=1e-9)
    assert network.size == 24
    assert float(network.value((h**0.5 * omega).flatten())) == pytest.approx(value, rel=1e-13)


def test_a_network_of_biases_is_the_solution_of_a_linear_system():
    """`nu b_s = -h sum_{r > s} (q_r - y)`, the states of the layers after s."""
    steps, nu, horizon, q0, y = 12, 0.3, 0.9, 0.4, 2.0
    h, points = horizon / steps, torch.tensor([[q0], [q0 + 1]], dtype=torch.float64)
    loss = Fixed(SquareLoss(), torch.tensor([[y], [y + 1]], dtype=torch.float64))
    network = TrackingNetwork(biases_alone, points, nu, horizon, steps, along=loss)
    b = minimise(network, np.zeros(steps)).point / h**0.5
    sums = h * np.tril(np.ones((steps, steps)), -1)
    expected: Any = np.linalg.solve(nu * np.eye(steps) + sums.T @ sums, sums.T @ np.full(steps, y - q0))
    assert b == pytest.approx(expected, abs=1e-9)
