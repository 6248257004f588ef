"""Energies of paths: against geodesics by shooting, by an independent kernel, and exact in simple cases."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from resnet_limits.claims.order import fit_order
from resnet_limits.diffeomorphisms.energy import least_energy, path_energy, relaxed, speeds, straight
from resnet_limits.limits.hamiltonian.integrators import INTEGRATORS
from resnet_limits.limits.hamiltonian.kernels.gaussian import GaussianKernel
from resnet_limits.limits.hamiltonian.trajectory import trajectory_from
from resnet_limits.random import Stream, normals

LENGTH = 0.7


def between(start: Tensor, end: Tensor, depth: int) -> Tensor:
    return straight(torch.stack([start, *([end] * depth)]))


def test_one_point_moves_on_a_straight_line_with_its_squared_distance_as_energy():
    start, end = torch.tensor([[[0.0, 1.0]]]).double(), torch.tensor([[[3.0, 5.0]]]).double()
    path = between(start, end, 5)
    assert path_energy(path, LENGTH).item() == pytest.approx(25, rel=1e-9)
    bent = path.clone()
    bent[2] += 0.3
    assert path_energy(bent, LENGTH).item() > 25.1
    assert path_energy(relaxed(bent, LENGTH, iterations=50), LENGTH).item() == pytest.approx(25, rel=1e-8)


def test_the_norm_is_that_of_the_field_which_interpolates_the_steps():
    path = normals((2, 4, 3), Stream(0, "path"), replicas=4)
    kernel = GaussianKernel(LENGTH)
    for k in range(3):
        for r in range(2):
            q, v = path[k, r], 3 * (path[k + 1, r] - path[k, r])
            momentum = torch.linalg.solve(kernel.matrix(q, q), v)
            assert torch.allclose(kernel.field(q, q, momentum), v)
            assert float(speeds(path, LENGTH)[k, r]) == pytest.approx(math.sqrt(float((v * momentum).sum())), rel=1e-7)
    assert torch.allclose(path_energy(path, LENGTH), speeds(path, LENGTH).square().mean(dim=0))


def test_the_least_energy_tends_to_that_of_the_hamiltonian_flow():
    q, p = (normals((5, 2), Stream(1, name), replicas=1)[0] for name in ("q", "p"))
    flow = trajectory_from(GaussianKernel(LENGTH), q, 0.5 * p, INTEGRATORS["rk4"], 64)
    depths, gaps = (4, 8, 16, 32), []
    for depth in depths:
        path = between(q[None], flow.end[0][None], depth)
        least = relaxed(path, LENGTH, iterations=60)
        assert torch.equal(least[0], path[0])
        assert torch.equal(least[-1], path[-1])
        gaps.append(abs(path_energy(least, LENGTH).item() - 2 * float(flow.energy[0])))
    assert fit_order(depths, gaps).order == pytest.approx(1, abs=0.1)
    nodes = flow.states[:: 64 // 32, None]
    assert float((least - nodes).abs().max()) < 0.05 * float((flow.end[0] - q).abs().max()), "on the geodesic itself"


def test_of_several_networks_each_has_less_energy_than_its_own_path_and_than_the_straight_one():
    path = 0.3 * normals((3, 4, 2), Stream(2, "path"), replicas=6).cumsum(dim=0)
    least = least_energy(path, LENGTH, iterations=20)
    assert bool((least < path_energy(path, LENGTH)).all())
    assert bool((least < path_energy(straight(path), LENGTH)).all())


def test_a_path_of_one_block_is_what_it_is():
    path = normals((2, 4, 2), Stream(3, "path"), replicas=2)
    assert relaxed(path, LENGTH, iterations=9) is path
