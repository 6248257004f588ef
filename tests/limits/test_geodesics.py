"""Geodesics between points, their Jacobi fields, and the energy of all paths with their ends."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from resnet_limits.limits.hamiltonian.geodesics import Geodesic, conjugate_margin, conjugate_time, geodesic
from resnet_limits.limits.hamiltonian.integrators import INTEGRATORS
from resnet_limits.limits.hamiltonian.kernels.gaussian import GaussianKernel
from resnet_limits.limits.hamiltonian.path_energy import PathEnergy
from resnet_limits.limits.hamiltonian.shooting import FixedEnds, shoot
from resnet_limits.limits.hamiltonian.trajectory import trajectory_from
from resnet_limits.training.minimiser import minimise
from tests.normals import normals

KERNEL, RK4 = GaussianKernel(0.9), INTEGRATORS["rk4"]
ASTERN = torch.tensor([[-1.0, 0.0], [1.0, 0.0]], dtype=torch.float64)
"""Two landmarks, one in front of the other."""


def gram(q: Tensor) -> Tensor:
    return torch.exp(-(q[..., :, None, :] - q[..., None, :, :]).square().sum(-1) / (2 * 0.9**2))


def test_jacobi_fields_are_the_derivatives_of_the_states():
    q, P, v = (normals(3, 2, seed=s) for s in range(3))
    path, eps = geodesic(KERNEL, q, P, RK4, 16), 1e-5
    ahead, behind = (trajectory_from(KERNEL, q, P + s * eps * v, RK4, 16).states for s in (1, -1))
    expected = ((ahead - behind) / (2 * eps))[1:].flatten(1)
    torch.testing.assert_close(path.fields @ v.flatten(), expected, rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(path.states, trajectory_from(KERNEL, q, P, RK4, 16).states)


def joined(q: Tensor, ends: Tensor, steps: int) -> Geodesic:
    """The geodesic between them that shooting finds from rest."""
    shot = shoot(FixedEnds(KERNEL, q, ends), steps=steps)
    assert shot.converged, shot.why
    return geodesic(KERNEL, q, shot.momentum, RK4, steps)


def test_one_point_moves_straight_and_meets_no_conjugate_point():
    path = joined(normals(1, 3), normals(1, 3, seed=1), 4)
    way = normals(1, 3, seed=1) - normals(1, 3)
    torch.testing.assert_close(path.momentum, way)
    assert path.path_energy == pytest.approx(float(way.square().sum()))
    assert conjugate_margin(KERNEL, path) == pytest.approx(1)
    assert math.isnan(conjugate_time(path))


def test_a_geodesic_that_is_joined_ends_where_it_is_to_and_costs_what_the_least_path_costs():
    ends = ASTERN + normals(2, 2, scale=0.4)
    path = joined(ASTERN, ends, 64)
    torch.testing.assert_close(path.states[-1], ends)
    energy = PathEnergy(gram, ASTERN, ends, 10)
    assert minimise(energy, np.zeros(energy.unknowns)).value == pytest.approx(path.path_energy, rel=1e-7)


def test_an_end_that_no_flow_reaches_is_said():
    # two landmarks in the same place, which no diffeomorphism takes there
    shot = shoot(FixedEnds(KERNEL, ASTERN, torch.zeros(2, 2, dtype=torch.float64)), steps=8)
    assert not shot.converged
    assert shot.why


def test_the_value_between_fixed_ends_is_the_energy_of_the_path():
    shot = shoot(FixedEnds(KERNEL, ASTERN, ASTERN + normals(2, 2, scale=0.4)), steps=32)
    assert shot.value == pytest.approx(shot.energy, rel=1e-6)
    assert shot.residual < 1e-9


def beyond(time: float) -> Geodesic:
    """A geodesic with a conjugate point at 0.7, up to this time."""
    momentum = torch.tensor([[9.0, 0.0], [5.0, 0.0]], dtype=torch.float64)
    return geodesic(KERNEL, ASTERN, time * momentum, RK4, 64)


@pytest.mark.parametrize("time", [0.4, 1.0])
def test_beyond_a_conjugate_point_and_only_there_the_second_variation_has_a_negative_eigenvalue(time: float):
    path = beyond(time)
    energy = PathEnergy(gram, ASTERN, path.states[-1], 14)
    c = energy.coefficients(path.states).requires_grad_()
    (gradient,) = torch.autograd.grad(energy(c), c)
    assert float(gradient.norm()) < 1e-2 * path.path_energy
    curvatures = energy.curvatures(c.detach())
    assert int((curvatures < 0).sum()) == int(conjugate_margin(KERNEL, path) < 0) == int(time == 1.0)


def test_a_conjugate_time_is_where_jacobi_fields_lose_a_direction_whatever_the_steps():
    time = conjugate_time(beyond(1.0))
    least = torch.linalg.svdvals(beyond(time).fields[-1])[-1]
    assert float(least) < 1e-4 * float(torch.linalg.svdvals(beyond(1.0).fields[-1])[-1])


def test_eigenvalues_of_the_second_variation_are_those_of_differences_of_the_energy():
    path = beyond(1.0)
    energy = PathEnergy(gram, ASTERN, path.states[-1], 6)
    c, eps = energy.coefficients(path.states), 1e-3
    v = normals(energy.unknowns, seed=3)
    second = float(energy(c + eps * v) - 2 * energy(c) + energy(c - eps * v)) / eps**2
    hessian = torch.func.hessian(energy)(c)
    assert float(v @ hessian @ v) == pytest.approx(second, rel=1e-4)
    # of a kernel that is constant all are 1
    flat = PathEnergy(lambda q: torch.eye(2, dtype=q.dtype).expand(*q.shape[:-2], 2, 2), ASTERN, ASTERN, 6)
    torch.testing.assert_close(flat.curvatures(c), torch.ones_like(c))
    # signs are those of the Hessian itself, whatever they are relative to
    assert int((energy.curvatures(c) < 0).sum()) == int((torch.linalg.eigvalsh(hessian) < 0).sum()) == 1


# -- energies of paths ----------------------------------------------------------------------------


def test_of_one_point_the_energy_is_the_square_of_way_and_coefficients():
    start, end = normals(1, 2), normals(1, 2, seed=1)
    energy = PathEnergy(gram, start, end, 5)
    c = normals(energy.unknowns, seed=2)
    assert float(energy(c)) == pytest.approx(float((end - start).square().sum() + c.square().sum()))


def test_paths_keep_their_ends_and_have_their_velocities():
    energy = PathEnergy(gram, normals(3, 2), normals(3, 2, seed=1), 6)
    c, t, eps = normals(energy.unknowns, seed=2), np.linspace(0, 1, 9), 1e-5
    q, velocity = energy.path(c, t)
    torch.testing.assert_close(q[0], energy.start)
    torch.testing.assert_close(q[-1], energy.end)
    moved = (energy.path(c, t + eps)[0] - energy.path(c, t - eps)[0]) / (2 * eps)
    torch.testing.assert_close(velocity, moved, rtol=1e-7, atol=1e-7)


def test_along_a_flow_the_energy_is_that_of_its_hamiltonian():
    path = beyond(0.4)
    energy = PathEnergy(gram, ASTERN, path.states[-1], 14)
    c = energy.coefficients(path.states)
    assert float(energy(c)) == pytest.approx(path.path_energy, rel=1e-4)
