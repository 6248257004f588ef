"""The kernel with a nugget: energy, velocities and tangents by autograd, its root, and points that it does not move."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from resnet_limits.limits.hamiltonian.integrators import INTEGRATORS
from resnet_limits.limits.hamiltonian.kernels.features import FeaturesKernel
from resnet_limits.limits.hamiltonian.nugget import NuggetKernel
from resnet_limits.limits.hamiltonian.trajectory import trajectory_from
from resnet_limits.networks.activations import activation_named
from tests.normals import normals

GAMMA = FeaturesKernel(activation_named("tanh"))
KERNEL = NuggetKernel(activation_named("tanh"), r=0.4)


def energy(q: Tensor, P: Tensor) -> Tensor:
    K = torch.tanh(q) @ torch.tanh(q).T + 1 + 0.4 * torch.eye(len(q), dtype=q.dtype)
    return (K * (P @ P.T)).sum() / 2


@pytest.mark.parametrize("width", [3, 9])
def test_velocity_and_rate_are_the_derivatives_of_the_energy(width: int):
    q, P = (normals(7, width, seed=s).requires_grad_() for s in range(2))
    H = energy(q, P)
    dq, dP = torch.autograd.grad(H, (q, P))
    at = KERNEL.at(q.detach())
    torch.testing.assert_close(at.energy(P.detach()), H.detach())
    torch.testing.assert_close(at.both(P.detach()), (dP, -dq))
    root = at.root()
    torch.testing.assert_close(root @ (root.T @ P.detach()), dP)
    layers = KERNEL.of_points(torch.stack([q.detach(), 2 * q.detach()]))
    torch.testing.assert_close(KERNEL.as_root(layers)[0], root)


@pytest.mark.parametrize("width", [3, 9])
def test_tangents_are_products_with_the_hessian(width: int):
    q, P, u, v = (normals(6, width, seed=s) for s in range(4))

    def gradient(q: Tensor, P: Tensor) -> tuple[Tensor, Tensor]:
        dq, dP = torch.func.grad(energy, argnums=(0, 1))(q, P)
        return dP, -dq

    torch.testing.assert_close(KERNEL.at(q).tangent(P, u, v), torch.func.jvp(gradient, (q, P), (u, v))[1])
    expected = torch.func.jvp(gradient, (q, P), (torch.zeros_like(u), v))[1]
    torch.testing.assert_close(KERNEL.at(q).tangent_of_momenta(P, v), expected)


def test_new_points_know_nothing_of_the_nugget():
    q, P, x = normals(6, 2), normals(6, 2, seed=1), normals(3, 2, seed=2)
    torch.testing.assert_close(KERNEL.field(x, q, P), GAMMA.field(x, q, P), rtol=0, atol=0)
    torch.testing.assert_close(KERNEL.matrix(x, q), GAMMA.matrix(x, q), rtol=0, atol=0)
    every, momenta = torch.cat([q, x]), torch.cat([P, torch.zeros_like(x)])
    at = KERNEL.at(every)
    torch.testing.assert_close(at.velocity(momenta)[6:], GAMMA.field(x, q, P))
    torch.testing.assert_close(at.rate(momenta)[6:], torch.zeros_like(x))


def test_the_flow_keeps_the_energy_with_the_nugget_and_not_that_of_gamma():
    path = trajectory_from(KERNEL, normals(5, 2), normals(5, 2, seed=1, scale=0.3), INTEGRATORS["rk4"], 64)
    assert path.drift < 1e-7
    alone = torch.stack([GAMMA.at(q).energy(P) for q, P in zip(path.states, path.momenta, strict=True)])
    assert float((alone - alone[0]).abs().max() / alone[0]) > 1e-2
