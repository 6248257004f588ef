"""Stages of convolutional networks: Jacobians against brute force, volumes against the flow of all tangents."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torchdiffeq import odeint

from resnet_limits.claims.order import fit_order
from resnet_limits.diffeomorphisms import stages
from resnet_limits.diffeomorphisms.stages import (
    field_jacobian,
    log_determinants,
    unit_increments,
    unit_stretches,
)
from resnet_limits.limits.volume import volume_of_flow
from resnet_limits.networks.convolutional import initial_convolutional, stage_map, velocity, weights_of_units
from resnet_limits.random import Stream, normals

REPLICAS, IMAGES = 2, 3


def drawn(sets: int = 1, stage: int = 2) -> tuple[dict[str, Tensor], Tensor]:
    """Random weights of a small network, and states that enter a stage of 4 channels a replica, 3 x 3 pixels."""
    start = initial_convolutional((1, 8, 8), 2, 3, sets=sets, replicas=REPLICAS, seed=1, dtype=torch.float64)
    parameters = {
        name: w + 0.3 * normals(tuple(w.shape[1:]), Stream(2, name), replicas=REPLICAS) for name, w in start.items()
    }
    return parameters, normals((REPLICAS * 2 * stage, 3, 3), Stream(3, "states"), replicas=IMAGES)


def test_the_jacobian_of_a_field_is_that_of_each_replica_and_image():
    parameters, x = drawn()
    (theta,) = weights_of_units(parameters, 2, 1)
    jacobians = field_jacobian("tanh", x, theta)
    assert jacobians.shape == (REPLICAS, IMAGES, 36, 36)
    for r in range(REPLICAS):
        theta_of_one = {name: w[r : r + 1] for name, w in theta.items()}
        for n in range(IMAGES):
            of_one = x[n : n + 1].unflatten(1, (REPLICAS, -1))[:, r]
            brute = torch.autograd.functional.jacobian(
                lambda y, theta_of_one=theta_of_one: velocity(torch.tanh, y, theta_of_one), of_one
            )
            assert isinstance(brute, Tensor)
            assert torch.allclose(jacobians[r, n], brute.reshape(36, 36), atol=1e-12)


@pytest.mark.parametrize("sets", [1, 3], ids=["shared", "free"])
def test_units_in_turn_have_the_jacobian_of_their_stage(sets: int):
    parameters, x = drawn(sets)
    product = torch.eye(36, dtype=torch.float64)
    for increment in unit_increments("tanh", parameters, 2, x, units=3, horizon=0.6):
        product = product + increment @ product
    whole = torch.autograd.functional.jacobian(
        lambda y: stage_map("tanh", parameters, 2, y, units=3, horizon=0.6), x[:1]
    )
    assert isinstance(whole, Tensor)
    assert torch.allclose(product[0, 0], whole[0, :4, :, :, 0, :4].reshape(36, 36), atol=1e-12)


def test_stretches_without_matrices_are_the_largest_singular_values():
    parameters, x = drawn(2)
    by_matrix = [
        torch.linalg.matrix_norm(increment, ord=2)
        for increment in unit_increments("tanh", parameters, 2, x, units=2, horizon=0.5)
    ]
    by_iteration = unit_stretches("tanh", parameters, 2, x, units=2, horizon=0.5)
    assert bool((by_iteration <= torch.stack(by_matrix) * (1 + 1e-12)).all()), "from below"
    assert torch.allclose(by_iteration, torch.stack(by_matrix), rtol=1e-3)


@pytest.mark.parametrize("rest", [0.9, 0.98, 0.99, 0.995])
def test_the_power_method_is_nearer_than_its_error_but_for_one_start_in_twenty(rest: float):
    k, d = stages.POWER_ITERATIONS_OF_STAGE, 100
    eigenvalues = torch.full((d,), rest).double()  # the worst are all equal but the largest
    eigenvalues[0] = 1
    start = torch.randn(4000, d, generator=torch.Generator().manual_seed(0), dtype=torch.float64).square()
    reached = ((start * eigenvalues ** (2 * k - 1)).sum(1) / (start * eigenvalues ** (2 * k - 2)).sum(1)).sqrt()
    error = stages.error_of_power_iteration(d)
    assert float((1 / reached - 1 > error).double().mean()) < stages.CHANCE_OF_A_LARGER_ERROR


def test_the_volume_of_a_flow_is_the_determinant_of_its_tangents():
    parameters, x = drawn()
    (theta,) = weights_of_units(parameters, 2, 1)
    volumes, error = volume_of_flow("tanh", parameters, 2, x, horizon=0.7)

    def tangents(t: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        y, product = state
        return velocity(torch.tanh, y, theta), field_jacobian("tanh", y, theta) @ product

    start = (x, torch.eye(36, dtype=torch.float64).expand(REPLICAS, IMAGES, 36, 36))
    solved = odeint(tangents, start, torch.tensor([0.0, 0.7]).double(), rtol=1e-9, atol=1e-9, method="dopri5")
    off = float((volumes - torch.linalg.slogdet(solved[1][-1])[1]).abs().max())
    assert off <= error + 1e-8
    assert error < 1e-3 * float(volumes.abs().max())


def test_units_change_volume_as_the_flow_does_at_order_one():
    parameters, x = drawn()
    volumes, error = volume_of_flow("tanh", parameters, 2, x, horizon=0.5)
    counts, errors = (4, 8, 16, 32), []
    for m in counts:
        units = unit_increments("tanh", parameters, 2, x, units=m, horizon=0.5)
        errors.append(float((torch.stack([log_determinants(A) for A in units]).sum(dim=0) - volumes).norm()))
    assert error < 1e-2 * errors[-1]
    assert fit_order(counts, errors).order == pytest.approx(1, abs=0.1)


def test_a_unit_that_folds_has_no_logarithm():
    mirror = torch.diag(torch.tensor([-2.0, 0.0, 0.5]))
    assert torch.isnan(log_determinants(mirror))
    assert float(log_determinants(-mirror / 4)) == pytest.approx(torch.log(torch.tensor(1.5 * 0.875)).item())
