"""`hamiltonian.composed`: composed networks, their Hessian and momenta, and their verdicts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from resnet_limits.measurement.job import InMemory, Job
from resnet_limits.studies.hamiltonian.composed import compare
from resnet_limits.studies.hamiltonian.composed import measure as composed
from resnet_limits.studies.hamiltonian.composed.measure import Composed
from resnet_limits.studies.hamiltonian.composed_network import ComposedNetwork, refined_parameters
from resnet_limits.studies.hamiltonian.problem import setup
from resnet_limits.studies.hamiltonian.settings import HamiltonianKeys
from resnet_limits.training.minimiser import minimise
from resnet_limits.training.objective import Objective
from tests.planting import plant
from tests.studies.hamiltonian.small import SMALL
from tests.studies.verdicts import ladder, verdict

CASES = [{}, {"blocks": 3}, {"scheme": "heun"}, {"loss": "logistic", "readout": "linear"}]


def network_of(keys: dict, depth: int) -> tuple[Composed, ComposedNetwork]:
    settings = replace(SMALL, width=3, hamiltonian=HamiltonianKeys(points=7, nu=0.1, **keys))
    problem = Composed(settings, setup(settings))
    return problem, problem.network(depth)


@pytest.mark.parametrize("keys", CASES, ids=str)
def test_gradient_and_hessian_of_composed_networks_are_those_of_differences(keys: dict):
    _, network = network_of(keys, 6)
    assert isinstance(network, Objective)
    rng = np.random.default_rng(0)
    u, v = (0.3 * rng.standard_normal(sum(network.sizes)) for _ in range(2))
    ahead, behind = (network.value_and_gradient(u + step * v) for step in (1e-5, -1e-5))
    _, gradient = network.value_and_gradient(u)
    assert float(gradient @ v) == pytest.approx((ahead[0] - behind[0]) / 2e-5, rel=1e-6)
    np.testing.assert_allclose(network.hessian(u)(v), (ahead[1] - behind[1]) / 2e-5, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("keys", CASES, ids=str)
def test_momenta_are_gradients_by_the_states_in_units_of_each_decay(keys: dict):
    problem, network = network_of(keys, 4)
    u = 0.3 * torch.randn(sum(network.sizes), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    parameters = network.parameters(u)
    states = network.states(parameters)
    momenta = network.momenta(parameters, states, problem.nus)
    q = network.blocks[0].q0.clone().requires_grad_()
    moved = replace(network, blocks=(replace(network.blocks[0], q0=q), *network.blocks[1:])).states(parameters)
    gradients = torch.autograd.grad(problem.first.loss.value(moved[-1][-1]), [path[1] for path in moved])
    for gradient, P, nu in zip(gradients, momenta, problem.nus, strict=True):
        torch.testing.assert_close(P[1], -gradient / nu, rtol=1e-12, atol=1e-14)


def test_each_block_has_its_own_depth_and_decay_and_parameters_scale_back():
    problem, network = network_of({"blocks": 3}, 8)
    assert [block.depth for block in network.blocks] == [8, 4, 4]
    assert [block.decay for block in network.blocks] == [0.1, 0.05, 0.05]
    u = np.random.default_rng(1).standard_normal(sum(network.sizes))
    parameters = network.parameters(torch.from_numpy(u))
    np.testing.assert_allclose(network.scaled(parameters.w, parameters.V), u)
    np.testing.assert_allclose(refined_parameters([(network, parameters)], network), u)
    penalty = sum(
        block.decay / 2 * block.depth * float(w.square().sum())
        for block, w in zip(network.blocks, parameters.w, strict=True)
    ) + 0.01 / 2 * sum(float(V.square().sum()) for V in parameters.V)
    assert penalty == pytest.approx(float(u @ u) / 2)
    constant = replace(problem, constant=True).network(8)
    assert [block.decay for block in constant.blocks] == [0.1 / 8, 0.05, 0.05]


def test_blocks_of_other_decays_without_a_map_between_them_have_one_energy_in_units_of_their_costates():
    problem = setup(replace(SMALL, hamiltonian=HamiltonianKeys(points=7, nu=0.1)))
    first = problem.network(64)
    decays = torch.tensor([first.decay, first.decay / 2], dtype=torch.float64).repeat_interleave(32)[:, None, None]

    def value(z: torch.Tensor) -> torch.Tensor:
        penalty = (decays * z.reshape(first.shape).square()).sum() / 2
        return penalty + first.loss.value(first.states(first.weights(z))[-1])

    minimum = minimise(value, np.full(int(np.prod(first.shape)), 0.01), certify=False)
    assert minimum.converged
    w = first.weights(minimum.point)
    before, behind = (float(part.square().sum()) for part in (w[:32], w[32:]))
    assert behind / before == pytest.approx(4, rel=0.05)


@pytest.mark.slow
def test_composed_networks_pass_and_a_limit_with_another_decay_is_refuted(monkeypatch: pytest.MonkeyPatch):
    settings, depths = replace(SMALL, hamiltonian=HamiltonianKeys(nu=0.1)), (16, 32, 64, 128)
    jobs = ladder(composed, settings, depths)
    for claim in ("composed", "composed.observed", "composed.energy", "composed.differ", "composed.constant"):
        judgement = verdict(f"hamiltonian.{claim}", jobs, compare)
        assert judgement.verdict == "supported", judgement.why
    right = composed.shoot_composed
    plant(
        monkeypatch,
        right,
        lambda aim, *rest: right(replace(aim, nus=(aim.nus[0], 2 * aim.nus[1])), *rest),
    )
    jobs = ladder(composed, settings, depths, InMemory())
    assert verdict("hamiltonian.composed", jobs, compare).verdict == "refuted"


@pytest.mark.slow
def test_a_shooting_that_is_not_reached_is_inconclusive_with_its_residual(monkeypatch: pytest.MonkeyPatch):
    right = composed.shoot_composed
    plant(monkeypatch, right, lambda *of: replace(right(*of), residual=0.3, why="planted"))
    measurement = composed.measure(Job(replace(SMALL, depth=16)))
    jobs = [(replace(SMALL, depth=16), measurement)]
    judgement = verdict("hamiltonian.composed.observed", jobs)
    assert judgement.verdict == "inconclusive"
    assert "residual 3.0e-01" in judgement.why
