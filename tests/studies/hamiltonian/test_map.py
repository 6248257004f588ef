"""`hamiltonian.map`: what the layers of a trained network, and the flow of its limit, do to other points."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.integrate
import torch

from resnet_limits.measurement.job import Job
from resnet_limits.studies.hamiltonian.limit import limit_of_setup
from resnet_limits.studies.hamiltonian.problem import key_of_solution, minima_of_setup, new_points, setup, trained
from resnet_limits.studies.hamiltonian.settings import HamiltonianKeys
from resnet_limits.studies.hamiltonian.trained.measure import off_of_new_points
from tests.studies.hamiltonian.small import SHARED, SMALL


@pytest.mark.parametrize(
    "keys", [{}, {"scheme": "heun"}, {"kernel": "gaussian", "readout": "ridge", "ridge": 0.1}], ids=str
)
def test_a_point_that_was_trained_on_is_moved_as_it_was_in_training(keys: dict):
    settings = replace(SMALL, hamiltonian=HamiltonianKeys(points=7, nu=0.1, **keys))
    problem = setup(settings)
    network = trained(problem, minima_of_setup(Job(settings), problem, 4, "map", {})[0])
    moved = network.network.carried_along(problem.q0[2:5], network.w, network.states)
    torch.testing.assert_close(moved, torch.stack(network.states)[:, 2:5], rtol=1e-9, atol=1e-9)


def test_the_flow_carries_new_points_along_the_field_of_the_moving_points_and_networks_approach_it_at_order_one():
    problem = setup(SMALL)
    x = new_points(problem, SMALL, 10)
    assert len(x) == 10
    assert not (x[:, None] == problem.q0).all(-1).any(), "points that were trained on"
    job = Job(SMALL, SHARED)
    shot = limit_of_setup(job, SMALL, problem, "trained")
    fine, _ = shot.carried_along(x, 4)

    def field(t: float, z: np.ndarray) -> np.ndarray:
        q, P, at = torch.from_numpy(z.reshape(3, -1, 2).copy()).unbind(0)
        f, ahead = (torch.cat([torch.tanh(p), torch.ones(len(p), 1)], 1) for p in (q, at))
        omega = P.T @ f
        rate = -(1 - f[:, :2] ** 2) * (P @ omega[:, :2])
        return torch.stack([f @ omega.T, rate, ahead @ omega.T]).numpy().ravel()

    n = len(problem.q0)
    padded = torch.cat([x, torch.zeros(n - len(x), 2, dtype=x.dtype)])
    start = torch.stack([problem.q0, shot.momenta[0], padded]).numpy().ravel()
    end = scipy.integrate.solve_ivp(field, (0, 1), start, method="DOP853", rtol=1e-11, atol=1e-11).y[:, -1]
    np.testing.assert_allclose(fine[-1].numpy(), end.reshape(3, n, 2)[2, : len(x)], atol=1e-7)

    distances = []
    for depth in (32, 64):
        branches = minima_of_setup(job, problem, depth, "trained", key_of_solution(SMALL))
        records, _ = off_of_new_points(trained(problem, branches[0]), shot, x, "map_distance", {})
        distances.append(records[0].value)
    assert np.log2(distances[0] / distances[1]) == pytest.approx(1, abs=0.05)
