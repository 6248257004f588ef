"""`hamiltonian.nugget`: layers, momenta and new points of networks with a nugget; dropout on one linear layer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from resnet_limits.limits.hamiltonian.end_loss import Fixed
from resnet_limits.limits.hamiltonian.losses.square import SquareLoss
from resnet_limits.limits.hamiltonian.nugget import NuggetKernel
from resnet_limits.measurement.job import InMemory, Job
from resnet_limits.networks.activations import activation_named
from resnet_limits.studies.hamiltonian.dropout import (
    DroppedNetwork,
    least_squares_of_masks,
    masks_of_dropout,
    ridge_of_dropout,
)
from resnet_limits.studies.hamiltonian.limit import ShootingLimit, limit_of_setup
from resnet_limits.studies.hamiltonian.network import WeightDecayedNetwork
from resnet_limits.studies.hamiltonian.nugget import compare
from resnet_limits.studies.hamiltonian.nugget import measure as nugget
from resnet_limits.studies.hamiltonian.nugget.claims import MASK_COUNTS, NUGGET
from resnet_limits.studies.hamiltonian.problem import Setup
from resnet_limits.studies.hamiltonian.settings import Hamiltonian
from tests.normals import normals
from tests.planting import plant
from tests.studies.hamiltonian.small import DEPTHS, SMALL, STUDY, measured
from tests.studies.verdicts import value, verdict

TANH = activation_named("tanh")


def small_network(r: float = 0.4) -> WeightDecayedNetwork:
    return WeightDecayedNetwork(
        NuggetKernel(TANH, r=r), normals(5, 2), 0.1, Fixed(SquareLoss(), normals(5, 1, seed=1)), 3
    )


def test_claims_hold_where_points_are_few():
    jobs = measured(nugget, replace(SMALL, replicas=10), DEPTHS, InMemory())
    for claim in STUDY.parts["nugget"]:
        judgement = verdict(claim, jobs, compare)
        assert judgement.verdict == "supported", judgement.why


def test_coordinates_that_are_padded_with_zeros_have_no_part_in_dropout():
    wide = measured(nugget, replace(SMALL, replicas=3, width=3), (4,), InMemory())[0][1].records
    plain = measured(nugget, replace(SMALL, replicas=3), (4,), InMemory())[0][1].records
    for masks in MASK_COUNTS:
        pair = [value(records, "dropout_distance", masks=masks).value for records in (wide, plain)]
        assert pair[0] == pytest.approx(pair[1], rel=1e-9)


@pytest.mark.slow
def test_a_nugget_that_moves_new_points_too_is_refuted(monkeypatch: pytest.MonkeyPatch):
    def moved_too(self: WeightDecayedNetwork, x: torch.Tensor, w: torch.Tensor, states: object) -> torch.Tensor:
        for weights in w:
            x = self.block(x, weights)
        return x[None]

    monkeypatch.setattr(WeightDecayedNetwork, "carried_along", moved_too)
    jobs = measured(nugget, replace(SMALL, replicas=3), DEPTHS, InMemory())
    assert verdict("hamiltonian.nugget.new", jobs, compare).verdict == "refuted"


@pytest.mark.slow
def test_a_nugget_multiplied_by_the_step_is_refuted(monkeypatch: pytest.MonkeyPatch):
    # of the limit: that of networks whose own nugget falls with their depth

    def with_smaller(job: Job, settings: Hamiltonian, problem: Setup, name: str) -> ShootingLimit:
        return limit_of_setup(job, settings, replace(problem, kernel=NuggetKernel(TANH, r=NUGGET / 32)), "smaller")

    plant(monkeypatch, limit_of_setup, with_smaller, within="resnet_limits.studies.hamiltonian.nugget")
    jobs = measured(nugget, replace(SMALL, replicas=3), DEPTHS, InMemory())
    assert verdict("hamiltonian.nugget.new", jobs, compare).verdict == "refuted"


def test_gradient_hessian_and_momenta_of_a_network_with_a_nugget_are_right():
    network = small_network()
    z = normals(int(np.prod(network.shape)), seed=3).numpy()
    v = normals(len(z), seed=4).numpy()
    assert network.shape == (3, 2, 3 + 5)
    product = network.hessian(z)(v)
    ahead, behind = (network.value_and_gradient(z + s * 1e-5 * v)[1] for s in (1, -1))
    np.testing.assert_allclose(product, (ahead - behind) / 2e-5, rtol=1e-6, atol=1e-8)
    w = network.weights(z)
    q = network.q0.clone().requires_grad_()
    x = q
    for weights in w:
        x = x + torch.cat([torch.tanh(x), torch.ones(5, 1), 0.4**0.5 * torch.eye(5)], dim=1) @ weights.T
    (expected,) = torch.autograd.grad(network.loss.value(x), q)
    momenta = network.momenta(w, network.states(w), 0.1)
    torch.testing.assert_close(momenta[0], -expected / 0.1)


def test_new_points_are_moved_by_the_field_alone():
    network = small_network()
    w, x = network.weights(normals(int(np.prod(network.shape)), seed=3)), normals(4, 2, seed=5)
    carried = network.carried_along(x, w, network.states(w))[-1]
    expected = x
    for weights in w:
        expected = expected + torch.tanh(expected) @ weights[:, :2].T + weights[:, 2]
    torch.testing.assert_close(carried, expected)


def test_the_mean_over_all_masks_is_ridge_regression():
    # one feature, two points: all four masks by their probabilities
    F, y, p = torch.tensor([[1.0], [2.0]]).double(), torch.tensor([[1.0], [0.5]]).double(), 0.25
    masks, weights = [], []
    for first in (0.0, 1 / (1 - p)):
        for second in (0.0, 1 / (1 - p)):
            masks.append([[first], [second]])
            weights.append((p if first == 0 else 1 - p) * (p if second == 0 else 1 - p))
    repeated = [mask for mask, weight in zip(masks, weights, strict=True) for _ in range(round(16 * weight))]
    torch.testing.assert_close(least_squares_of_masks(F, y, torch.tensor(repeated).double()), ridge_of_dropout(F, y, p))


def test_masks_have_mean_1_and_the_variance_of_the_rate():
    masks = masks_of_dropout((200, 500), 0.3, np.random.default_rng(0))
    assert float(masks.mean()) == pytest.approx(1, abs=0.01)
    assert float(masks.var()) == pytest.approx(0.3 / 0.7, rel=0.02)


def test_without_dropout_the_network_is_the_same():
    network = small_network()
    plain = WeightDecayedNetwork(NuggetKernel(TANH, r=0.4), network.q0, 0.1, network.loss, 3)
    dropped = DroppedNetwork(plain.kernel, plain.q0, 0.1, plain.loss, 3, torch.ones(3, 5, 2).double())
    z = normals(int(np.prod(plain.shape)), seed=3).numpy()
    assert dropped.value_and_gradient(z)[0] == pytest.approx(plain.value_and_gradient(z)[0])
    np.testing.assert_allclose(dropped.hessian(z)(z), plain.hessian(z)(z), rtol=1e-8, atol=1e-10)
    halved = DroppedNetwork(plain.kernel, plain.q0, 0.1, plain.loss, 3, torch.full((3, 5, 2), 0.5).double())
    assert halved.value_and_gradient(z)[0] != pytest.approx(plain.value_and_gradient(z)[0])
