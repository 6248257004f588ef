"""Hamiltonian blocks: symplectic, inverted exactly, of order 1, and the sensitivities of a linear one."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from resnet_limits.diffeomorphisms.jacobians import jacobians_at
from resnet_limits.networks.blocks import field
from resnet_limits.networks.blocks.gradient import GradientBlock
from resnet_limits.networks.residual import forward, reverse, states
from resnet_limits.networks.steps.symplectic import Symplectic
from resnet_limits.paths.draw import draw_path
from resnet_limits.paths.laws.iid import IidLaw

STEP = Symplectic()
FORM = torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64)


def oscillator(depth: int) -> dict[str, Tensor]:
    """K = 1, b = 0 and phi = id: y' = z, z' = -y."""
    one, zero = torch.ones(1, depth, 1, 1).double(), torch.zeros(1, depth, 1).double()
    return {"K.y": one, "b.y": zero, "K.z": one, "b.z": zero}


def test_the_harmonic_oscillator_turns_at_order_one_and_keeps_its_energy():
    vector_field, x0 = field(GradientBlock(hidden=1), "identity", 1), torch.tensor([[[1.0, 0.5]]], dtype=torch.float64)
    c, s = math.cos(1), math.sin(1)
    exact = x0 @ torch.tensor([[c, -s], [s, c]], dtype=torch.float64)
    errors = [float((forward(vector_field, STEP, x0, oscillator(L), 1 / L) - exact).norm()) for L in (50, 100)]
    assert errors[0] / errors[1] == pytest.approx(2, abs=0.05)
    far = states(vector_field, STEP, x0, oscillator(4000), 0.1)  # T = 400
    assert float((far.norm(dim=-1) / x0.norm()).sub(1).abs().max()) < 0.06


def test_blocks_are_inverted_exactly():
    vector_field = field(GradientBlock(hidden=5), "tanh", 3)
    shapes = {f"{name}.{half}": shape for name, shape in vector_field.shapes.items() for half in "yz"}
    theta = draw_path(IidLaw(sigma_w=3.0), shapes, depth=6, horizon=1.0, replicas=2, seed=0).at(STEP.times(6))
    x0 = torch.randn(2, 4, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert torch.allclose(
        reverse(vector_field, STEP, forward(vector_field, STEP, x0, theta, 1.0), theta, 1.0), x0, atol=1e-12
    )


def test_each_block_has_determinant_one_and_is_symplectic():
    vector_field, theta = field(GradientBlock(hidden=4), "swish", 1), {}
    stream = torch.Generator().manual_seed(0)
    for half in "yz":
        theta |= {f"K.{half}": torch.randn(1, 3, 4, 1, generator=stream).double()}
        theta |= {f"b.{half}": torch.randn(1, 3, 4, generator=stream).double()}
    J = jacobians_at(vector_field, STEP, torch.randn(3, 1, 7, 2, generator=stream).double(), theta, 2.0)
    assert torch.allclose(J.mT @ FORM @ J, FORM.expand_as(J), atol=1e-13)
    assert bool((torch.linalg.matrix_norm(J, ord=2) >= 1).all())
