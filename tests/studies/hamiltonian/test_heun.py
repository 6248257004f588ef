"""Networks of Heun blocks: their conditions, order 2 against a closed form, and what they are refused for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.optimize
import torch

from resnet_limits.errors import SettingError
from resnet_limits.limits.hamiltonian.end_loss import Fixed
from resnet_limits.limits.hamiltonian.kernels.features import FeaturesKernel
from resnet_limits.limits.hamiltonian.losses.square import SquareLoss
from resnet_limits.measurement.job import Job
from resnet_limits.networks.activations import activation_named
from resnet_limits.networks.steps.frozen import frozen
from resnet_limits.networks.steps.heun import Heun
from resnet_limits.studies.hamiltonian.network import refined
from resnet_limits.studies.hamiltonian.problem import Setup, minima_of_setup, setup, trained
from resnet_limits.studies.hamiltonian.request import check
from resnet_limits.studies.hamiltonian.settings import HamiltonianKeys
from tests.studies.hamiltonian.small import SMALL

HEUN = replace(SMALL, width=3, hamiltonian=HamiltonianKeys(points=7, nu=0.1, scheme="heun"))


def test_a_block_is_a_frozen_step_of_heun_and_its_momenta_are_gradients_by_the_states():
    problem = setup(HEUN)
    network = problem.network(4)
    w = 0.2 * torch.randn(network.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    states = network.states(w)
    field = lambda x, theta: network.kernel.at(x).root() @ theta["w"].T  # noqa: E731
    stepped = frozen(Heun()).advance(field, states[1], 1.0, [{"w": w[1]}])
    torch.testing.assert_close(states[2], stepped, rtol=1e-14, atol=1e-14)
    momenta = network.momenta(w, states, problem.nu)
    for s in range(5):
        q = states[s].clone().requires_grad_()
        end = q
        for weights in w[s:]:
            end = network.block(end, weights)
        (by_state,) = torch.autograd.grad(problem.loss.value(end), q)
        torch.testing.assert_close(momenta[s], -by_state / problem.nu, rtol=1e-12, atol=1e-14)


def test_weights_of_a_minimiser_are_those_of_its_momenta_and_elsewhere_they_are_not():
    problem = setup(HEUN)
    network = trained(problem, minima_of_setup(Job(HEUN), problem, 8, "heun", {})[0])
    of = network.network
    weights = of.kernel_weights(network.w, network.states, network.momenta)
    torch.testing.assert_close(weights, network.omega, rtol=1e-9, atol=1e-11)
    w = 1.1 * network.w
    states = of.states(w)
    assert float((of.kernel_weights(w, states, of.momenta(w, states, problem.nu)) - 8 * w).abs().max()) > 1e-2


def test_values_and_states_of_one_point_approach_the_closed_form_at_order_two():
    # d=1, identity: q(t) = sinh(u_0 + t (u_1 - u_0)), value min over u_1 of nu/2 (u_1 - u_0)^2 + loss(sinh u_1)
    nu, start, target = 0.3, 0.4, 2.0
    u0 = np.arcsinh(start)
    exact: Any = scipy.optimize.minimize_scalar(
        lambda u: nu / 2 * (u - u0) ** 2 + (np.sinh(u) - target) ** 2 / 2, tol=1e-13
    )
    q0, y = (torch.full((1, 1), x, dtype=torch.float64) for x in (start, target))
    problem = Setup(FeaturesKernel(activation_named("identity")), q0, nu, Fixed(SquareLoss(), y), "heun")
    (branch,) = minima_of_setup(Job(HEUN), problem, 64, "one point", {})
    gaps = []
    for rung in branch.rungs:
        assert rung.minimum.converged
        network, L = problem.network(rung.depth), rung.depth
        q = torch.cat(network.states(network.weights(rung.minimum.point)))[:, 0].numpy()
        along = np.sinh(u0 + np.arange(L + 1) / L * (exact.x - u0))
        gaps.append((abs(rung.minimum.value - exact.fun), np.abs(q - along).max()))
    for errors in np.array(gaps[1:]).T:
        np.testing.assert_allclose(np.log2(errors[:-1] / errors[1:]), 2, atol=0.06)


def test_weights_in_the_middle_of_layers_are_continued_at_order_two():
    exact = lambda L: (2 * (np.arange(L) + 0.5) / L + 1 + 3 / L**2)[:, None, None] * np.ones((1, 2, 3))  # noqa: E731
    np.testing.assert_allclose(refined([exact(4), exact(8)], 16, order=2, weight_time=0.5), exact(16))


def test_heun_blocks_of_a_kernel_without_features_are_refused():
    settings = replace(SMALL, hamiltonian=HamiltonianKeys(points=7, scheme="heun", kernel="gaussian"))
    with pytest.raises(SettingError, match="second stage"):
        check(settings)
