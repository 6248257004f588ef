"""Networks in the NTK parametrisation: the formula, their gradients and tangent kernels, and descent."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from resnet_limits.networks.activations import activation_named
from resnet_limits.networks.ntk import NtkNetwork, tangent_kernel
from resnet_limits.networks.residual import forward
from resnet_limits.random import Stream
from resnet_limits.training.ntk import descend_full_batch

NETWORK = NtkNetwork("swish", depth=3, width=5, horizon=1.5, sigma_w=0.8, sigma_b=0.4)
Z = torch.randn(4, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
Y = torch.randn(4, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def parameters(network: NtkNetwork = NETWORK, replicas: int = 2, **more) -> dict[str, torch.Tensor]:
    return network.initial(7, 2, Stream(0, "test", **more), replicas=replicas, dtype=torch.float64)


def by_hand(theta: dict[str, torch.Tensor], replica: int, z: torch.Tensor) -> torch.Tensor:
    """`y` of one input, with loops over layers alone."""
    h, phi = NETWORK.horizon / NETWORK.depth, activation_named(NETWORK.activation)
    x = theta["A"][replica] @ z / math.sqrt(7)
    for k in range(NETWORK.depth):
        W = math.sqrt(h / 5) * 0.8 * theta["W"][replica, k]
        x = x + phi(W @ x + math.sqrt(h) * 0.4 * theta["b"][replica, k])
    return theta["V"][replica] @ x / math.sqrt(5)


def test_outputs_are_those_of_the_formula():
    theta = parameters()
    y = NETWORK.outputs(theta, Z, through=forward)
    for r in range(2):
        for i in range(4):
            torch.testing.assert_close(y[r, i], by_hand(theta, r, Z[i]))


def test_parameters_are_standard_normals_of_their_replica():
    theta, second = parameters(replicas=3), parameters(replicas=1, first_replica=2)
    for name, tensor in theta.items():
        torch.testing.assert_close(tensor[2:], second[name])
    many = parameters(replace(NETWORK, width=40), replicas=20)
    for tensor in many.values():
        n = tensor.numel()
        assert abs(float(tensor.mean())) < 5 / math.sqrt(n)
        assert abs(float(tensor.square().mean()) - 1) < 5 * math.sqrt(2 / n)


@pytest.mark.parametrize("read_in", [True, False])
@pytest.mark.parametrize("readout", [True, False])
def test_the_tangent_kernel_is_that_of_finite_differences(read_in: bool, readout: bool):
    network = replace(NETWORK, read_in=read_in, readout=readout)
    theta, step = parameters(), 1e-6
    kernel = tangent_kernel(network, theta, Z)
    total = torch.zeros(4, 4, dtype=torch.float64)
    trained = ["W", "b", *(["A"] if read_in else []), *(["V"] if readout else [])]
    assert set(network.trained) == set(trained)
    for name in trained:
        for i in range(theta[name][0].numel()):
            ends = []
            for sign in (1, -1):
                moved = {key: tensor.clone() for key, tensor in theta.items()}
                moved[name][0].view(-1)[i] += sign * step
                ends.append(network.outputs(moved, Z, through=forward)[0, :, 0])
            slope = (ends[0] - ends[1]) / (2 * step)
            total += torch.outer(slope, slope)
    torch.testing.assert_close(kernel[0], total, rtol=1e-6, atol=1e-8)


def test_gradients_are_those_of_the_loss_of_each_replica():
    theta = parameters()
    loss, grads = NETWORK.gradients(theta, Z, Y, through=forward)
    for r in range(2):
        loss_by_hand = (NETWORK.outputs(theta, Z, through=forward)[r] - Y).square().sum() / 8
        assert float(loss[r]) == pytest.approx(float(loss_by_hand))
    step, moved = 1e-6, {key: tensor.clone() for key, tensor in theta.items()}
    moved["W"][1, 2, 3, 4] += step
    change = NETWORK.gradients(moved, Z, Y, through=forward)[0] - loss
    assert float(change[0]) == 0
    assert float(change[1] / step) == pytest.approx(float(grads["W"][1, 2, 3, 4]), rel=1e-4)


def test_small_steps_follow_the_tangent_kernel():
    """One step changes the outputs by `-eta/n Theta (y - target)` to first order: the error is of order 2 in eta."""
    theta = parameters()
    one = {**theta, "V": theta["V"][:, :1]}
    K, before, errors = tangent_kernel(NETWORK, theta, Z), NETWORK.outputs(one, Z, through=forward), []
    for rate in (1e-2, 5e-3):
        after, _ = descend_full_batch(NETWORK, one, Z, Y[:, :1], rate=rate, steps=1)
        foreseen = before - rate / 4 * K @ (before - Y[:, :1])
        errors.append(float((NETWORK.outputs(after, Z, through=forward) - foreseen).norm()))
    assert math.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.1)


def test_descent_moves_trained_parameters_alone_and_tells_the_loss():
    network, theta, heard = replace(NETWORK, read_in=False, readout=False), parameters(), []
    after, loss = descend_full_batch(
        network, theta, Z, Y, rate=0.1, steps=5, report=lambda step, heard_loss: heard.append((step, heard_loss))
    )
    assert torch.equal(after["A"], theta["A"])
    assert torch.equal(after["V"], theta["V"])
    assert not torch.equal(after["W"], theta["W"])
    assert [step for step, _ in heard] == list(range(5))
    torch.testing.assert_close(loss, torch.stack([heard_loss for _, heard_loss in heard], dim=1))
    assert bool((loss.diff(dim=1) < 0).all())
    alone, _ = descend_full_batch(network, theta, Z, torch.stack([Y, Y]), rate=0.1, steps=5)
    torch.testing.assert_close(alone["W"], after["W"])
