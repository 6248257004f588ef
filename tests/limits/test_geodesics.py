"""Geodesics between points, their Jacobi fields, and the energy of all paths with their ends."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from resnet_limits.limits.hamiltonian.geodesics import Geodesic, conjugate_margin, geodesic, geodesic_to
from resnet_limits.limits.hamiltonian.integrators import INTEGRATORS, Diverged
from resnet_limits.limits.hamiltonian.kernels.gaussian import GaussianKernel
from resnet_limits.limits.hamiltonian.path_energy import PathEnergy
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


def test_one_point_moves_straight_and_meets_no_conjugate_point():
    path = geodesic_to(KERNEL, normals(1, 3), normals(1, 3, seed=1), normals(1, 3, seed=2), RK4, 4)
    way = normals(1, 3, seed=1) - normals(1, 3)
    torch.testing.assert_close(path.momentum, way)
    assert path.path_energy == pytest.approx(float(way.square().sum()))
    assert conjugate_margin(KERNEL, path) == pytest.approx(1)


def test_a_geodesic_that_is_joined_ends_where_it_is_to_and_costs_what_the_least_path_costs():
    end = ASTERN + normals(2, 2, scale=0.4)
    path = geodesic_to(KERNEL, ASTERN, end, torch.zeros(2, 2, dtype=torch.float64), RK4, 64)
    torch.testing.assert_close(path.states[-1], end)
    energy = PathEnergy(gram, ASTERN, end, 10)
    assert minimise(energy, np.zeros(energy.unknowns)).value == pytest.approx(path.path_energy, rel=1e-7)


def test_an_end_that_no_flow_reaches_is_said():
    # two landmarks in the same place, which no diffeomorphism takes there
    with pytest.raises(Diverged):
        geodesic_to(KERNEL, ASTERN, torch.zeros(2, 2, dtype=torch.float64), ASTERN, RK4, 8)


def beyond(time: float) -> Geodesic:
    """A geodesic with a conjugate point at 0.7, up to this time."""
    momentum = torch.tensor([[9.0, 0.0], [5.0, 0.0]], dtype=torch.float64)
    return geodesic(KERNEL, ASTERN, time * momentum, RK4, 64)


@pytest.mark.parametrize("time", [0.4, 1.0])
def test_beyond_a_conjugate_point_and_only_there_the_second_variation_has_a_negative_eigenvalue(time: float):
    path = beyond(time)
    energy = PathEnergy(gram, ASTERN, path.states[-1], 14)
    c = torch.from_numpy(coefficients(path, energy)).requires_grad_()
    (gradient,) = torch.autograd.grad(energy(c), c)
    assert float(gradient.norm()) < 1e-2 * path.path_energy
    eigenvalues = torch.linalg.eigvalsh(torch.autograd.functional.hessian(energy, c.detach()))
    margin = conjugate_margin(KERNEL, path)
    assert int((eigenvalues < 0).sum()) == int(margin < 0) == int(time == 1.0)


def coefficients(path: Geodesic, energy: PathEnergy) -> np.ndarray:
    """Of the path's states, by least squares."""
    times = np.linspace(0, 1, len(path.states))
    straight, _ = energy.path(torch.zeros(energy.unknowns, dtype=torch.float64), times)
    units = torch.eye(energy.degree, dtype=torch.float64)
    across = torch.zeros(energy.degree, energy.degree, 2, 2, dtype=torch.float64)
    across[:, :, 0, 0] = units
    bends = torch.stack([energy.path(one.flatten(), times)[0][:, 0, 0] - straight[:, 0, 0] for one in across], 1)
    off = (path.states - straight).flatten(1)
    return torch.linalg.lstsq(bends, off).solution.reshape(-1).numpy()


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
    c = torch.from_numpy(coefficients(path, energy))
    assert float(energy(c)) == pytest.approx(path.path_energy, rel=1e-4)
