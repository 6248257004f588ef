"""Vector fields: their formulas written with loops, their derivatives, and replicas that do not mix."""

import pytest
import torch

from resnet_limits.errors import SettingError
from resnet_limits.networks.activations import activation_named
from resnet_limits.networks.blocks import field
from resnet_limits.settings.blocks.block import Block
from resnet_limits.settings.blocks.one import One
from resnet_limits.settings.blocks.outside import Outside
from resnet_limits.settings.blocks.two import Two

D, M, R, N = 4, 6, 3, 5
BLOCKS = (One(), Outside(), Two(hidden=M))


def weights_of(f, replicas=R, seed=0):
    stream = torch.Generator().manual_seed(seed)
    return {n: torch.randn(replicas, *s, generator=stream, dtype=torch.float64) for n, s in f.shapes.items()}


def points(seed=1):
    return torch.randn(R, N, D, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("activation", settings.ACTIVATIONS)
@pytest.mark.parametrize("block", BLOCKS, ids=lambda b: b.name)
def test_field_is_its_formula_point_by_point(block, activation):
    f, x, phi = field(block, activation, D), points(), activation_named(activation)
    theta = weights_of(f)
    formula = {
        "one": lambda x, t: phi(t["W"] @ x + t["b"]),
        "outside": lambda x, t: t["W"] @ phi(x) + t["b"],
        "two": lambda x, t: t["V"] @ phi(t["W"] @ x + t["b"]),
    }[block.name]
    value = f(x, theta)
    assert value.shape == x.shape
    for r in range(R):
        for n in range(N):
            expected = formula(x[r, n], {name: w[r] for name, w in theta.items()})
            torch.testing.assert_close(value[r, n], expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda b: b.name)
def test_derivatives_agree_with_finite_differences(block):
    f, x = field(block, "gelu", D), points().requires_grad_()
    theta = {n: w.requires_grad_() for n, w in weights_of(f).items()}
    assert torch.autograd.gradcheck(lambda x, *w: f(x, dict(zip(theta, w, strict=True))), (x, *theta.values()))


def test_a_block_that_does_not_exist_is_refused():
    with pytest.raises(SettingError, match="did you mean 'two'"):
        field(Block("tow"), "tanh", D)
    with pytest.raises(SettingError, match="activation"):
        field(One(), "sine", D)
