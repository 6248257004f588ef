"""`hamiltonian.warped`: a network trained with its read-out is regression with the warped kernel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from resnet_limits.inference.dense import Posterior, posterior
from resnet_limits.limits.hamiltonian.end_loss import Ridge
from resnet_limits.limits.hamiltonian.kernels.features import FeaturesKernel
from resnet_limits.limits.hamiltonian.kernels.gaussian import GaussianKernel
from resnet_limits.limits.hamiltonian.warped import WarpedKernel
from resnet_limits.measurement.job import InMemory
from resnet_limits.networks.activations import activation_named
from resnet_limits.studies.hamiltonian.problem import setup
from resnet_limits.studies.hamiltonian.readout import NetworkWithReadout, loss_of_readout, trained_readouts
from resnet_limits.studies.hamiltonian.warped import claims as warped_claims
from resnet_limits.studies.hamiltonian.warped import measure as warped
from tests.normals import normals
from tests.planting import plant, resize
from tests.studies.hamiltonian.small import SMALL, STUDY, measured
from tests.studies.verdicts import verdict

CLAIMS = STUDY.parts["warped"]
KERNELS = {"features": FeaturesKernel(activation_named("tanh")), "gaussian": GaussianKernel(0.8)}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch):
    resize(monkeypatch, warped_claims, DEPTH_OF_WARP=4, NEW_POINTS=30)


def test_a_kernel_that_is_no_multiple_of_the_identity_lies_outside():
    settings = replace(SMALL, hamiltonian=replace(SMALL.hamiltonian, kernel="equivariant", readout="linear"))
    ((_, measurement),) = measured(warped, settings, (8,), InMemory())
    assert list(measurement.records) == []
    assert all(
        "hamiltonian.kernel=equivariant" in (claim.outside(settings) or "") for claim in warped_claims.GROUP.claims
    )


@pytest.mark.parametrize("kernel", KERNELS)
def test_all_claims_hold(kernel: str):
    settings = replace(SMALL, replicas=20, hamiltonian=replace(SMALL.hamiltonian, kernel=kernel))
    jobs = measured(warped, settings, (8,), InMemory())
    for claim in CLAIMS:
        assert verdict(claim, jobs).verdict == "supported", verdict(claim, jobs).why


def test_the_penalty_of_a_sum_is_refuted(monkeypatch: pytest.MonkeyPatch):
    def of_a_sum(kernel, x, y, *, ridge: float) -> Posterior:
        return posterior(kernel, x, y, ridge=ridge / len(x))

    plant(monkeypatch, posterior, of_a_sum, within="resnet_limits.studies.hamiltonian.warped")
    jobs = measured(warped, SMALL, (8,), InMemory())
    assert {verdict(claim, jobs).verdict for claim in CLAIMS} == {"refuted"}


def test_a_network_that_is_not_trained_to_its_end_says_nothing():
    settings = replace(SMALL, minimiser=replace(SMALL.minimiser, iterations=1))
    judgement = verdict("hamiltonian.warped", measured(warped, settings, (8,), InMemory()))
    assert judgement.verdict == "inconclusive"
    assert "was not reached" in judgement.why


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=list(KERNELS))
def test_read_outs_trained_by_gradients_are_those_of_the_linear_system(kernel):
    q, y, x = normals(9, 2), normals(9, 2, seed=1), normals(5, 2, seed=2)
    trained, solved = trained_readouts(kernel, q, y, ridge=0.05, iterations=100), Ridge(kernel, y, 0.05)
    torch.testing.assert_close(trained(x), solved.scorer(q)(x), rtol=1e-7, atol=1e-9)
    loss = loss_of_readout(kernel.at(q).root(), trained.R, y, 0.05)
    torch.testing.assert_close(loss, solved.value(q))
    assert trained.off < 1e-9


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=list(KERNELS))
def test_layers_take_a_training_point_where_it_goes_in_training(kernel):
    network = replace(setup(SMALL).network(4), kernel=kernel)
    w = network.weights(0.3 * normals(int(np.prod(network.shape)), seed=3))
    states = network.states(w)
    torch.testing.assert_close(network.carried_along(network.q0, w, states)[-1], states[-1], rtol=1e-6, atol=1e-7)


def test_the_objective_of_both_is_the_networks_own_and_the_read_outs():
    problem = setup(SMALL)
    objective = NetworkWithReadout(problem.network(4), problem.loss.y, 0.05)
    u = normals(sum(objective.numbers), seed=4)
    w, R = objective.parts(u)
    best = Ridge(problem.kernel, problem.loss.y, 0.05)
    q = objective.network.states(w)[-1]
    excess = loss_of_readout(problem.kernel.at(q).root(), R, problem.loss.y, 0.05) - best.value(q)
    of_layers = replace(objective.network, loss=best).value_and_gradient(u[: objective.numbers[0]].numpy())[0]
    assert excess > 0
    assert float(objective(u)) == pytest.approx(of_layers + float(excess))


def test_a_warped_kernel_is_that_of_the_warped_points():
    x = normals(6, 2)
    warped_kernel = WarpedKernel(KERNELS["gaussian"], lambda points: points**3)
    torch.testing.assert_close(warped_kernel(x, x[:2]), KERNELS["gaussian"].matrix(x**3, x[:2] ** 3))
    torch.testing.assert_close(warped_kernel.diagonal(x), warped_kernel(x, x).diagonal())
