"""The exact inverse of a network: analytic, and of networks that are no diffeomorphisms none."""

from __future__ import annotations

import pytest
import torch

from resnet_limits.diffeomorphisms.inverse import NotInverted, invert
from resnet_limits.diffeomorphisms.lipschitz import scaled_to_bound
from resnet_limits.networks.blocks import field
from resnet_limits.networks.blocks.one import OneBlock
from resnet_limits.networks.blocks.two import TwoBlock
from resnet_limits.networks.residual import forward, reverse, states
from resnet_limits.networks.steps import STEPS
from resnet_limits.paths.draw import draw_path
from resnet_limits.paths.laws.iid import IidLaw

EULER = STEPS["euler"]


def points(n: int, d: int) -> torch.Tensor:
    return torch.randn(2, n, d, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_a_linear_network_is_inverted_by_its_inverse_matrix():
    A = torch.tensor([[0.3, -0.5], [0.4, 0.2]], dtype=torch.float64)
    weights = {"W": A.expand(2, 4, 2, 2), "b": torch.zeros(2, 4, 2, dtype=torch.float64)}
    y = points(5, 2)
    exact = y @ torch.linalg.matrix_power(torch.linalg.inv(torch.eye(2) + A), 4).T
    assert torch.allclose(invert(field(OneBlock(), "identity", 2), EULER, y, weights, 1.0)[0], exact, atol=1e-12)


@pytest.mark.parametrize("bound", [0.5, 0.9])
def test_the_inverse_goes_through_the_states_of_the_network(bound):
    vector_field = field(TwoBlock(hidden=6), "tanh", 3)
    theta = draw_path(IidLaw(sigma_w=2.0), vector_field.shapes, depth=5, horizon=1.0, replicas=2, seed=0).at(
        EULER.times(5)
    )
    theta = scaled_to_bound(vector_field, theta, bound)
    trajectory = states(vector_field, EULER, points(7, 3), theta, 1.0)
    assert torch.allclose(invert(vector_field, EULER, trajectory[-1], theta, 1.0), trajectory, atol=1e-10)


def test_it_is_exact_where_the_reversed_steps_are_not():
    vector_field = field(OneBlock(), "tanh", 2)
    theta = draw_path(IidLaw(), vector_field.shapes, depth=8, horizon=1.0, replicas=2, seed=0).at(EULER.times(8))
    x0 = points(7, 2)
    y = forward(vector_field, EULER, x0, theta, 1 / 8)
    assert float((reverse(vector_field, EULER, y, theta, 1 / 8) - x0).abs().max()) > 1e-3
    assert float((invert(vector_field, EULER, y, theta, 1 / 8)[0] - x0).abs().max()) < 1e-11


def test_a_block_that_is_not_one_to_one_is_named():
    weights = {"W": -3 * torch.eye(2, dtype=torch.float64).expand(2, 2, 2, 2), "b": torch.zeros(2, 2, 2).double()}
    with pytest.raises(NotInverted, match=r"block 1 of 2: .* not below 1"):
        invert(field(OneBlock(), "identity", 2), EULER, points(4, 2), weights, 1.0, iterations=50)
