"""Lipschitz bounds: hard after normalisation, and differentiable; that they hold is a law of blocks."""

from __future__ import annotations

import pytest
import torch

from resnet_limits.diffeomorphisms.jacobians import block_determinants, increments_of
from resnet_limits.diffeomorphisms.lipschitz import lipschitz_bound, scaled_to_bound
from resnet_limits.errors import SettingError
from resnet_limits.networks.activations.tanh import Tanh
from resnet_limits.networks.blocks import field
from resnet_limits.networks.blocks.gradient import GradientBlock
from resnet_limits.networks.blocks.one import OneBlock
from resnet_limits.networks.blocks.outside import OutsideBlock
from resnet_limits.networks.blocks.prenorm import PrenormBlock
from resnet_limits.networks.blocks.two import TwoBlock
from resnet_limits.networks.steps import STEPS
from resnet_limits.paths.draw import draw_path
from resnet_limits.paths.laws.iid import IidLaw
from tests.diffeomorphisms.trajectory import along

BLOCKS = {"one": OneBlock(), "outside": OutsideBlock(), "two": TwoBlock(hidden=7)}


def drawn(block, activation: str, width: int = 3):
    vector_field = field(BLOCKS[block], activation, width)
    return vector_field, draw_path(
        IidLaw(sigma_w=2.0), vector_field.shapes, depth=6, horizon=1.0, replicas=4, seed=3
    ).at(STEPS["euler"].times(6))


@pytest.mark.parametrize("block", BLOCKS)
def test_normalised_weights_keep_every_block_a_diffeomorphism(block):
    vector_field, theta = drawn(block, "gelu")
    x = 2 * torch.randn(4, 200, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert bool((block_determinants(increments_of(along(vector_field, STEPS["euler"], x, theta, 1.0))) <= 0).any())
    safe = scaled_to_bound(vector_field, theta, 0.9)
    assert float(lipschitz_bound(vector_field, safe).max()) <= 0.9 * (1 + 1e-12)
    determinants = block_determinants(increments_of(along(vector_field, STEPS["euler"], x, safe, 1.0)))
    assert float(determinants.min()) >= 0.1**3


def test_what_is_below_the_bound_stays_as_it_is():
    vector_field, theta = drawn("two", "tanh")
    small = {name: w / 100 for name, w in theta.items()}
    assert all(torch.equal(w, small[name]) for name, w in scaled_to_bound(vector_field, small, 0.9).items())


def test_the_norm_is_the_one_of_torchs_own_spectral_normalisation():
    field_of_one, theta = drawn("one", "tanh")
    layer = torch.nn.Linear(3, 3, bias=False).double()
    with torch.no_grad():
        layer.weight.copy_(theta["W"][0, 0])
    normed = torch.nn.utils.parametrizations.spectral_norm(layer, n_power_iterations=500)
    weight = normed.weight
    assert isinstance(weight, torch.Tensor)
    assert torch.allclose(scaled_to_bound(field_of_one, theta, 1.0)["W"][0, 0], weight, atol=1e-12)


def test_the_bound_can_be_differentiated():
    vector_field, theta = drawn("two", "tanh")
    leaves = {name: w.clone().requires_grad_() for name, w in theta.items()}
    lipschitz_bound(vector_field, leaves).sum().backward()
    direction = torch.randn_like(theta["V"])
    ahead, behind = (
        float(lipschitz_bound(vector_field, {**theta, "V": theta["V"] + e * direction}).sum()) for e in (1e-6, -1e-6)
    )
    gradient = leaves["V"].grad
    assert gradient is not None
    assert float((gradient * direction).sum()) == pytest.approx((ahead - behind) / 2e-6, rel=1e-6)


def test_a_field_without_a_bound_or_without_an_outer_matrix_is_refused_in_words():
    with pytest.raises(SettingError, match=r"block=prenorm: x/rms\(x\) is as steep as .* no Lipschitz bound"):
        lipschitz_bound(field(PrenormBlock(), "tanh", 3), {})
    vector_field = field(GradientBlock(hidden=2), "tanh", 2)
    with pytest.raises(SettingError, match="block=gradient: no matrix carries its output"):
        scaled_to_bound(vector_field, {"K": torch.eye(2)[None, None]}, 0.5)


def test_an_activation_without_a_bound_is_refused_in_words(monkeypatch):
    monkeypatch.setattr(Tanh, "steepest", None)
    with pytest.raises(SettingError, match=r"activation=tanh: no bound .* not known to be Lipschitz"):
        lipschitz_bound(field(OneBlock(), "tanh", 2), {"W": torch.eye(2)[None, None]})
