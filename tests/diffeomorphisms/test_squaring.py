"""Scaling and squaring: the same network by composition, and on a grid up to its interpolation."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from resnet_limits.diffeomorphisms.squaring import displacement_between, nodes_of_grid, squared, squared_on_grid
from resnet_limits.networks.blocks import field
from resnet_limits.networks.blocks.two import TwoBlock
from resnet_limits.networks.residual import forward
from resnet_limits.networks.steps import STEPS

LOW, HIGH = torch.tensor([-2.0, -3.0]).double(), torch.tensor([2.0, 1.0]).double()
X = torch.rand(1, 40, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - torch.tensor([0.5, 1.5])


def test_by_composition_it_is_the_network_of_shared_weights():
    vector_field, squarings = field(TwoBlock(hidden=8), "tanh", 2), 6
    stream = torch.Generator().manual_seed(0)
    theta = {name: torch.randn(1, *shape, generator=stream).double() for name, shape in vector_field.shapes.items()}
    h = 2.0**-squarings
    by_squaring = squared(lambda x: torch.add(x, vector_field(x, theta), alpha=h), squarings)(X)
    weights = {name: w[:, None].expand(1, 2**squarings, *w.shape[1:]) for name, w in theta.items()}
    assert torch.allclose(by_squaring, forward(vector_field, STEPS["euler"], X, weights, h), atol=1e-13)


def test_the_grid_carries_what_is_linear_exactly():
    """A shear: the first coordinate moves the second, and not the other way round."""
    shear = torch.tensor([[1.0, 0.0], [0.25, 1.0]], dtype=torch.float64)
    u = squared_on_grid(lambda x: x @ shear.T, 2, 1, LOW, HIGH, 16)
    # Nodes whose way leaves the grid see its edge.
    exact = X @ torch.matrix_power(shear, 4).T
    assert torch.allclose(X + displacement_between(u, X, LOW, HIGH), exact, atol=1e-13)


def test_nodes_stand_where_they_should():
    nodes = nodes_of_grid(LOW, HIGH, 4)
    assert nodes.shape == (5, 5, 2)
    assert nodes[0, 0].tolist() == [-2, -3]
    assert nodes[0, 1].tolist() == [-1, -3]
    assert nodes[1, 0].tolist() == [-2, -2]


def test_the_error_of_a_rotation_is_that_of_the_exponential_alone():
    angle, squarings = 0.8, 7

    def turned(x: Tensor) -> Tensor:
        h = angle / 2**squarings
        return x + h * torch.stack([-x[..., 1], x[..., 0]], dim=-1)

    c, s = math.cos(angle), math.sin(angle)
    exact = X @ torch.tensor([[c, -s], [s, c]], dtype=torch.float64).T
    square = torch.tensor([6.0, 6.0]).double()
    u = squared_on_grid(turned, squarings, 1, -square, square, 24)
    by_grid, by_network = X + displacement_between(u, X, -square, square), squared(turned, squarings)(X)
    assert torch.allclose(by_grid, by_network, atol=1e-12)
    assert float((by_network - exact).abs().max()) == pytest.approx(angle**2 / 2 / 2**squarings * 1.7, rel=0.3)


def test_the_error_of_interpolation_is_of_second_order():
    def first(x: Tensor) -> Tensor:
        return x + 0.05 * torch.sin(2 * x.flip(-1))

    exact = squared(first, 3)(X)
    errors = []
    for cells in (64, 128, 256):
        u = squared_on_grid(first, 3, 1, LOW, HIGH, cells)
        errors.append(float((X + displacement_between(u, X, LOW, HIGH) - exact).square().mean().sqrt()))
    assert errors[0] / errors[2] == pytest.approx(16, rel=0.25)
