"""Jacobians of blocks against brute force and exact flows; folds that are planted are found."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from resnet_limits.diffeomorphisms.deformation import box
from resnet_limits.diffeomorphisms.jacobians import (
    block_determinants,
    fold_fraction,
    increments_of,
)
from resnet_limits.networks.blocks import field
from resnet_limits.networks.blocks.one import OneBlock
from resnet_limits.networks.blocks.outside import OutsideBlock
from resnet_limits.networks.blocks.two import TwoBlock
from resnet_limits.networks.residual import forward, states
from resnet_limits.networks.steps import STEPS, frozen
from resnet_limits.networks.vector_field import VectorField
from resnet_limits.paths.draw import draw_path
from resnet_limits.paths.laws.smooth import SmoothLaw
from tests.diffeomorphisms.trajectory import along

BLOCKS = {"one": OneBlock(), "outside": OutsideBlock(), "two": TwoBlock(hidden=5)}


def normal(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def linear(*matrices: Tensor) -> tuple[VectorField, dict[str, Tensor]]:
    """Blocks `x + h A_k x`."""
    d = len(matrices[0])
    weights = {"W": torch.stack(matrices)[None], "b": torch.zeros(1, len(matrices), d, dtype=torch.float64)}
    return field(OneBlock(), "identity", d), weights


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("step", [*STEPS.values(), frozen(STEPS["rk4"], "midpoint")], ids=lambda step: step.name)
def test_all_blocks_at_once_are_the_jacobians_of_each_point_and_block(block, step):
    depth, h, vector_field = 3, 0.4, field(BLOCKS[block], "swish", 3)
    path = draw_path(SmoothLaw(), vector_field.shapes, depth=depth, horizon=1.0, replicas=2, seed=0)
    theta, x0 = path.at(step.times(depth)), normal(2, 4, 3)
    jacobians = along(vector_field, step, x0, theta, h)
    trajectory = states(vector_field, step, x0, theta, h)
    for k in range(depth):
        thetas = [{name: w[:, i] for name, w in theta.items()} for i in step.sets(k)]
        for r in range(2):
            weights = [{name: w[r : r + 1] for name, w in one.items()} for one in thetas]
            for n in range(4):
                brute = torch.autograd.functional.jacobian(
                    lambda y, weights=weights: step.advance(vector_field, y[None, None], h, weights)[0, 0],
                    trajectory[k, r, n],
                )
                assert torch.allclose(jacobians[k, r, n], brute, atol=1e-13)


def test_determinants_of_linear_blocks_are_exact():
    for d in (2, 3):
        A, h = normal(d, d), 0.3
        vector_field, weights = linear(A, 2 * A)
        jacobians = along(vector_field, STEPS["euler"], normal(1, 5, d), weights, h)
        expected = [torch.linalg.det(torch.eye(d) + h * k * A) for k in (1, 2)]
        determinants = block_determinants(increments_of(jacobians))
        assert torch.allclose(determinants, torch.stack(expected)[:, None, None].expand(2, 1, 5))
        assert torch.allclose(increments_of(jacobians)[0], h * A)


def test_the_log_determinant_of_a_flow_is_the_integral_of_its_divergence():
    A = normal(2, 2)
    errors = []
    for depth in (64, 128):
        vector_field, weights = linear(*[A] * depth)
        determinants = block_determinants(
            increments_of(along(vector_field, STEPS["euler"], normal(1, 3, 2), weights, 1 / depth))
        )
        errors.append(float((determinants.log().sum(dim=0) - A.trace()).abs().max()))
    assert errors[0] / errors[1] == pytest.approx(2, abs=0.05)


def test_two_folds_cancel_in_the_total_determinant_and_are_found_block_by_block():
    mirror = torch.diag(torch.tensor([-2.0, 0.0], dtype=torch.float64))  # x + A x turns the first coordinate around
    vector_field, weights = linear(mirror, mirror)
    x0 = normal(1, 6, 2)
    determinants = block_determinants(increments_of(along(vector_field, STEPS["euler"], x0, weights, 1.0)))
    assert fold_fraction(determinants) == 1
    assert bool((determinants.prod(dim=0) > 0).all())
    assert torch.allclose(forward(vector_field, STEPS["euler"], x0, weights, 1.0), x0)


def test_a_fold_between_regions_is_found_where_it_is():
    # x + 2 tanh(-x) turns back near 0 alone: 1 - 2 / cosh^2 x <= 0 for cosh^2 x <= 2.
    vector_field = field(TwoBlock(hidden=1), "tanh", 1)
    one = torch.ones(1, 1, 1, 1, dtype=torch.float64)
    weights = {"V": 2 * one, "W": -one, "b": torch.zeros(1, 1, 1, dtype=torch.float64)}
    x = torch.linspace(-3, 3, 601, dtype=torch.float64)[None, :, None]
    determinants = along(vector_field, STEPS["euler"], x, weights, 1.0)[0, 0, :, 0, 0]
    assert torch.equal(determinants <= 0, torch.cosh(x[0, :, 0]) ** 2 <= 2)


def test_a_grid_is_drawn_in_the_plane_alone():
    with pytest.raises(ValueError, match="drawn in the plane; these points have 3 coordinates"):
        box(normal(4, 3))
